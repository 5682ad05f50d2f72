"""Search spaces and outcomes that the searchers' tests share."""

import importlib.util
import math

import pytest
from ledgered import Ledgered, settings
from ray import tune

from sweeps.runner.searchers.registry import build_searcher
from sweeps.runner.searchers.slots import slots
from trainable.spec.status import Status

HAS_CMAES = importlib.util.find_spec("cmaes") is not None
needs_cmaes = pytest.mark.skipif(not HAS_CMAES, reason="cmaes is not installed")
MODELS = ["optuna-tpe", "optuna-gp", pytest.param("optuna-cmaes", marks=needs_cmaes)]
LR = {"lr": tune.loguniform(1e-5, 1.0)}
MIXED = {
    "opt": tune.grid_search(["adamw", "adafactor"]),
    "lr": tune.loguniform(1e-5, 1.0),
    "decay": tune.quniform(0.0, 0.3, 0.1),
    "warmup": tune.randint(0, 50),
    "batch": tune.choice([8, 16, 32]),
}
TARGETS = {"adamw": 1e-3, "adafactor": 1e-1}


def bowl(values):
    target = TARGETS[values.get("opt", "adamw")]
    return math.log10(values["lr"] / target) ** 2, Status.COMPLETED


def race(name, space, samples, outcome, **setup):
    """Values and losses in the order of the slots."""
    bench = Ledgered(build_searcher(space, settings(name, samples=samples, **setup)))
    return [(values, outcome(values)) for values in (bench.run(slot, outcome) for slot in slots(space, samples, 0))]


def miss(drawn):
    """Mean distance to the optimum, in decades."""
    return sum(math.sqrt(loss) for _, (loss, _) in drawn) / len(drawn)
