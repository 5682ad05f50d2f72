import math

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator
from optuna.study import create_study
from optuna.trial import TrialState, create_trial

from sweeps.runner.searchers.cma_es import ReplayedCmaEsSampler
from sweeps.runner.searchers.gaussian_process import GivenGPSampler
from sweeps.runner.searchers.shown import can_learn, complete_of_the_grid_point, complete_only, ranked_at_grid_points
from sweeps.runner.searchers.tpe import tpe_sampler

SPACE = {"lr": FloatDistribution(1e-5, 1.0, log=True), "opt": CategoricalDistribution(["a", "b"])}


def trial(value=None, opt="a", lr=0.1, state=None, steps=None, broken=False):
    return create_trial(
        state=state if state is not None else TrialState.PRUNED if value is None else TrialState.COMPLETE,
        values=value if isinstance(value, list) or value is None else [value],
        params={"lr": lr, "opt": opt},
        distributions=SPACE,
        intermediate_values=steps,
        constraints={"broken": 1.0} if broken else None,
    )


def test_values_become_shares_at_their_grid_point():
    trials = [trial(5.0), trial(7.0), trial(5.0), trial(9.0), trial(100.0, "b"), trial(200.0, "b")]
    shown = ranked_at_grid_points(trials, {"opt": "a"}, [True])
    assert [t.value for t in shown] == [0.25, 0.625, 0.25, 0.875, 0.25, 0.75]
    assert [t.params for t in shown] == [t.params for t in trials]
    assert ranked_at_grid_points(trials, {}, [True]) is trials


def test_stopped_trials_are_ranked_with_those_stopped_at_the_same_step():
    trials = [trial(steps={10: 9.0, 30: 2.0}), trial(steps={30: 3.0}), trial(steps={10: 1.0}), trial(steps={30: 0.5}, opt="b"), trial()]
    shown = ranked_at_grid_points(trials, {"opt": "a"}, [True])
    assert [t.intermediate_values for t in shown] == [{30: 0.25}, {30: 0.75}, {10: 0.5}, {30: 0.5}, {}]
    assert {t.state for t in shown} == {TrialState.PRUNED}


def test_each_objective_is_ranked_on_its_own_and_other_states_stay():
    trials = [trial([1.0, 8.0]), trial([2.0, 4.0]), trial(state=TrialState.RUNNING), trial(state=TrialState.FAIL), trial(broken=True)]
    shown = ranked_at_grid_points(trials, {"opt": "a"}, [True, False])
    assert [t.values for t in shown] == [[0.25, 0.75], [0.75, 0.25], None, None, None]
    assert [t.state for t in shown] == [t.state for t in trials]
    assert shown[4].constraints == {"broken": 1.0}


def test_an_infeasible_trial_gets_the_worst_value_of_the_feasible_ones():
    trials = [
        trial([1.0, 8.0]),
        trial(broken=True),
        trial([2.0, 4.0]),
        trial(),
        trial(state=TrialState.RUNNING),
        trial(state=TrialState.FAIL),
    ]
    shown = complete_only(trials, {}, [True, False])
    assert [t.values for t in shown] == [[1.0, 8.0], [2.0, 4.0], [2.0, 4.0], None]
    assert [[value > 0 for value in t.constraints.values()] for t in shown] == [[False], [True], [False], []]
    assert {len(t.constraints) for t in shown if t.state == TrialState.COMPLETE} == {1}


def test_with_a_grid_values_are_distances_to_the_best_of_the_grid_point():
    trials = [trial([3.0, 8.0]), trial([2.0, 9.0]), trial([7.0, 1.0], "b"), trial(broken=True, opt="b")]
    shown = complete_only(trials, {"opt": "a"}, [True, False])
    assert [t.values for t in shown] == [[1.0, -1.0], [0.0, 0.0], [0.0, 0.0], [1.0, -1.0]]


def test_without_infeasible_trials_there_is_no_constraint_and_without_feasible_ones_nothing_to_learn():
    assert [t.constraints for t in complete_only([trial(1.0), trial()], {}, [True])] == [{}]
    assert not can_learn(complete_only([trial(broken=True)] * 9, {}, [True]), 2)
    assert not can_learn([trial(broken=True)] * 9, 2)
    assert can_learn([trial(broken=True), trial()], 2)
    assert not can_learn([trial(1.0)], 2)
    assert not can_learn([trial(state=TrialState.RUNNING), trial(state=TrialState.FAIL)], 1)


def test_an_evolution_strategy_sees_its_own_grid_point():
    trials = [trial(1.0), trial(2.0, "b"), trial(broken=True, opt="b")]
    assert [t.value for t in complete_of_the_grid_point(trials, {"opt": "b"}, [True])] == [0.0, 0.0]
    assert len(complete_of_the_grid_point(trials, {}, [True])) == 3


def test_parzen_samples_given_a_grid_value_follow_the_conditional_mixture():
    """Two well separated groups of learning rates, one for each optimizer: given b, l(x | b) has b's group."""
    rates = np.array([1e-4, 1.1e-4, 0.9e-4] * 4 + [0.1, 0.11, 0.09] * 4)
    observations = {"lr": rates, "opt": np.array([0] * 12 + [1] * 12)}
    sampler = tpe_sampler(0, {"opt": "b"}, [])
    given = sampler._parzen_estimator_cls(observations, SPACE, sampler._parzen_estimator_parameters)
    drawn = given.sample(np.random.RandomState(0), 4000)
    assert set(drawn["opt"]) == {1.0}
    free = _ParzenEstimator(observations, SPACE, sampler._parzen_estimator_parameters)
    everything = free.sample(np.random.RandomState(1), 40000)
    chosen = everything["lr"][everything["opt"] == 1.0]
    # Rejection sampling gives the conditional distribution exactly; shares agree within five standard deviations.
    for low, high in [(1e-5, 1e-3), (1e-3, 0.05), (0.05, 0.2), (0.2, 1.0)]:
        share, expected = [np.mean((rates >= low) & (rates < high)) for rates in (drawn["lr"], chosen)]
        assert abs(share - expected) < 5 * math.sqrt(expected * (1 - expected) * (1 / 4000 + 1 / len(chosen))) + 1e-9


def gaussian_suggestion(seed, relative):
    """Learning rate and optimizer proposed for b, after five trials of each; a ends lower by 5, and its optimum is elsewhere."""
    optima, powers = {"a": 1e-4, "b": 1e-1}, (0.5, 1.5, 2.5, 3.5, 4.5)
    trials = [trial((math.log10(10**-p / optima[opt])) ** 2 + 5 * (opt == "b"), opt, 10**-p) for opt in optima for p in powers]
    study = create_study(sampler=GivenGPSampler(seed, {"opt": "b"}))
    study.add_trials(complete_only(trials, {"opt": "b"}, [True]) if relative else trials)
    return study.ask(SPACE).params


@pytest.mark.parametrize("seed", range(3))
def test_the_gaussian_process_looks_for_the_best_of_the_grid_point(seed):
    params = gaussian_suggestion(seed, relative=True)
    assert params["opt"] == "b"
    assert 10**-1.6 < params["lr"] < 10**-0.4


@pytest.mark.parametrize("seed", range(3))
def test_no_search_of_the_gaussian_process_leaves_the_grid_value(seed):
    """Every other grid value promises more."""
    assert gaussian_suggestion(seed, relative=False)["opt"] == "b"


def test_no_infeasible_trial_counts_among_the_good_ones():
    """Of 30 trials Optuna takes the best 3; when 29 diverged, only the other one is good."""
    shown = [trial(1.0), *[trial(broken=True)] * 29]
    assert tpe_sampler(0, {}, shown)._gamma(30) == 1
    assert tpe_sampler(0, {}, [trial(1.0)] * 30)._gamma(30) == 3


def test_the_evolution_strategy_is_that_of_cmaes_told_population_by_population():
    cmaes = pytest.importorskip("cmaes")
    space = {"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)}
    study, reference = (
        create_study(),
        cmaes.CMA(mean=np.full(2, 0.5), sigma=1 / 6, bounds=np.array([[0, 1], [0, 1]]), seed=5, n_max_resampling=20),
    )
    rng = np.random.RandomState(0)
    solutions = [(point, float(point.sum())) for point in rng.rand(15, 2)]
    for point, value in solutions:
        study.add_trial(create_trial(value=value, params={"x": point[0], "y": point[1]}, distributions=space))
    for start in (0, 6):
        reference.tell(solutions[start : start + 6])
    study.sampler = ReplayedCmaEsSampler(5, {})
    expected = reference.ask()
    assert study.ask(space).params == pytest.approx({"x": expected[0], "y": expected[1]})
