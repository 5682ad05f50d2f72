"""A study that holds trials as they are answers as one that Optuna has copied them into, and leaves them as they were."""

import math
from copy import deepcopy

import optuna
import pytest
from ledgered import Ledgered, settings
from optuna.samplers import GPSampler, RandomSampler, TPESampler
from ray import tune
from tasks import bowl

from sweeps.runner.searchers.parameters import parameters
from sweeps.runner.searchers.registry import build_searcher
from sweeps.runner.searchers.slots import slots
from sweeps.runner.searchers.study import common_space, numbered, study_of
from sweeps.runner.searchers.tpe import tpe_sampler
from trainable.spec.status import Status

SPACE = {
    "decay": tune.quniform(0.0, 0.3, 0.1),
    "lr": tune.loguniform(1e-5, 1.0),
    "opt": tune.choice(["adamw", "adafactor"]),
    "width": tune.choice([8]),
}
KNOWN = {key: known.distribution for key, known in parameters(SPACE).items()}
ENDS = [Status.COMPLETED, Status.STOPPED_EARLY, Status.DIVERGED, Status.COMPLETED, Status.FAILED, None]


@pytest.fixture
def trials():
    bench = Ledgered(build_searcher(SPACE, settings("optuna-tpe", samples=24)))
    for number, slot in enumerate(slots(SPACE, 24, 0)):
        trial, end = bench.sample(slot), ENDS[number % len(ENDS)]
        bench.start(trial)
        bench.report(trial, 10, math.nan if end == Status.DIVERGED else bowl(bench.state.sampled_values[trial])[0])
        if end is not None:
            bench.end(trial, end)
    return bench.searcher.trials


def copied(trials, sampler):
    study = optuna.create_study(direction="minimize", sampler=sampler)
    study.add_trials(trials)
    return study


SAMPLERS = {"random": RandomSampler, "tpe": lambda seed: TPESampler(seed=seed, n_startup_trials=1), "gp": GPSampler}


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("seed", range(3))
def test_what_is_asked_is_what_a_study_of_copies_is_asked(trials, name, seed):
    held = [trial for trial in trials if name != "gp" or not trial.constraints]
    before = deepcopy(held)
    asked = study_of(held, ["minimize"], SAMPLERS[name](seed=seed)).ask(KNOWN).params
    assert asked == copied(held, SAMPLERS[name](seed=seed)).ask(KNOWN).params
    assert held == before


@pytest.mark.parametrize("seed", range(3))
def test_without_a_grid_and_with_enough_that_did_not_diverge_the_estimator_is_optunas(trials, seed):
    asked = study_of(trials, ["minimize"], tpe_sampler(seed, {}, trials)).ask(KNOWN).params
    assert asked == copied(trials, TPESampler(seed=seed, n_startup_trials=1)).ask(KNOWN).params


def test_the_common_space_is_what_optuna_finds_by_comparing(trials):
    found = optuna.search_space.intersection_search_space(trials, include_pruned=True)
    assert common_space(study_of(trials, ["minimize"], RandomSampler())) == {key: found[key] for key in ("decay", "lr", "opt")}


def test_trials_are_numbered_by_their_places_and_those_of_another_place_are_copied(trials):
    chosen = [trials[0], trials[3], trials[5]]
    placed = numbered(chosen)
    assert [trial.number for trial in placed] == [0, 1, 2]
    assert (placed[0] is chosen[0], placed[1].params, chosen[1].number) == (True, chosen[1].params, 3)
