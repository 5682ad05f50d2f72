import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler
from optuna.study import create_study
from optuna.trial import create_trial
from ray import tune

from sweeps.runner.searchers.parameters import parameters

DOMAINS = {
    "uniform": (tune.uniform(0, 1), FloatDistribution(0.0, 1.0)),
    "loguniform": (tune.loguniform(1e-5, 1), FloatDistribution(1e-5, 1.0, log=True)),
    "quniform": (tune.quniform(0.1, 0.9, 0.1), FloatDistribution(0.1, 0.9, step=0.1)),
    "quniform rounded": (tune.quniform(0.0, 0.1 + 0.2, 0.1), FloatDistribution(0.0, 0.3, step=0.1)),
    "qloguniform": (tune.qloguniform(0.5, 64, 0.5), FloatDistribution(0.5, 64.0, log=True)),
    "randint": (tune.randint(2, 6), IntDistribution(2, 5)),
    "lograndint": (tune.lograndint(1, 100), IntDistribution(1, 99, log=True)),
    "qrandint": (tune.qrandint(3, 25, 4), IntDistribution(4, 24, step=4)),
    "qrandint 1": (tune.qrandint(3, 25, 1), IntDistribution(3, 24)),
    "qlograndint": (tune.qlograndint(8, 64, 8), IntDistribution(8, 64, log=True)),
    "choice": (tune.choice([1, 0.5, "a", None, False]), CategoricalDistribution([1, 0.5, "a", None, False])),
    "choice of lists": (tune.choice([[0.9, 0.95], {"b": 1, "a": 2}]), CategoricalDistribution(["[0.9, 0.95]", '{"a": 2, "b": 1}'])),
    "grid": (tune.grid_search(["adamw", "adafactor"]), CategoricalDistribution(["adamw", "adafactor"])),
}


@pytest.mark.parametrize("name", DOMAINS)
def test_domains_become_optunas_distributions(name):
    domain, distribution = DOMAINS[name]
    assert parameters({"k": domain})["k"].distribution == distribution


@pytest.mark.parametrize("name", [name for name in DOMAINS if name != "grid"])
def test_whatever_ray_draws_is_known_to_optuna_and_comes_back(name):
    domain = DOMAINS[name][0]
    parameter, rng = parameters({"k": domain})["k"], np.random.RandomState(0)
    for _ in range(200):
        value = domain.sample(random_state=rng)
        param = parameter.encode(value)
        # Raises when the value is not contained.
        create_trial(value=0.0, params={"k": param}, distributions={"k": parameter.distribution})
        assert parameter.decode(param) == pytest.approx(value, rel=1e-12) if isinstance(value, float) else parameter.decode(param) == value


@pytest.mark.parametrize("name", DOMAINS)
def test_whatever_optuna_draws_could_have_come_from_ray(name):
    domain, _ = DOMAINS[name]
    parameter = parameters({"k": domain})["k"]
    study = create_study(sampler=RandomSampler(seed=0))
    drawn = [parameter.decode(study.ask({"k": parameter.distribution}).params["k"]) for _ in range(200)]
    if name == "grid":
        assert set(drawn) == {"adamw", "adafactor"}
        return
    rng = np.random.RandomState(1)
    own = [domain.sample(random_state=rng) for _ in range(400)]
    assert {type(value) for value in drawn} <= {type(value) for value in own}
    assert all(domain.is_valid(value) for value in drawn)
    if len({str(value) for value in own}) < 40:
        assert {str(value) for value in drawn} <= {str(value) for value in own}
