"""Promises of the Optuna bridge, for every model it has."""

import math

import optuna
import pytest
from ledgered import Ledgered, settings
from ray import tune
from tasks import LR, MIXED, MODELS, TARGETS, bowl, miss, needs_cmaes, race

from sweeps.runner.searchers.random_search import draw
from sweeps.runner.searchers.registry import build_searcher
from sweeps.runner.searchers.slots import slots
from trainable.spec.status import Status


@pytest.mark.parametrize("name", MODELS)
def test_startup_draws_are_those_of_random_search(name):
    drawn = [values for values, _ in race(name, MIXED, 2, bowl, startup=4)]
    assert drawn == [draw(MIXED, slot, 0) for slot in slots(MIXED, 2, 0)]


@pytest.mark.parametrize("name", MODELS)
def test_suggestions_lie_in_the_space_with_the_slots_grid_values_and_native_types(name):
    samples = 4 if name == "optuna-gp" else 7
    drawn = [values for values, _ in race(name, MIXED, samples, bowl, startup=4)]
    assert [values["opt"] for values in drawn] == [dict(slot.grid)["opt"] for slot in slots(MIXED, samples, 0)]
    for values in drawn:
        assert {key: type(value) for key, value in values.items()} == {"opt": str, "lr": float, "decay": float, "warmup": int, "batch": int}
        assert 1e-5 <= values["lr"] <= 1.0
        assert values["decay"] in (0.0, 0.1, 0.2, 0.30000000000000004)
        assert values["warmup"] in range(50)
        assert values["batch"] in (8, 16, 32)
    assert drawn[4:] != [draw(MIXED, slot, 0) for slot in slots(MIXED, samples, 0)][4:]


@pytest.mark.parametrize(("name", "samples"), [("optuna-tpe", 30), ("optuna-gp", 10)])
def test_learns_for_every_grid_point(name, samples):
    """The optima of the two optimizers lie two decades apart."""
    space = {key: MIXED[key] for key in ("opt", "lr")}
    learned, random = race(name, space, samples, bowl, startup=6), race("random", space, samples, bowl)
    for opt in TARGETS:
        late = [[found for found in drawn[samples:] if found[0]["opt"] == opt] for drawn in (learned, random)]
        assert miss(late[0]) < 0.75 * miss(late[1])


@needs_cmaes
def test_the_evolution_strategy_learns():
    space = {**LR, "decay": tune.uniform(0.0, 1.0)}
    drawn = race("optuna-cmaes", space, 40, bowl)
    assert miss(drawn[-10:]) < 0.5


@pytest.mark.parametrize(("name", "samples"), [("optuna-tpe", 40), ("optuna-gp", 14)])
@pytest.mark.parametrize("status", [Status.DIVERGED, Status.OUT_OF_MEMORY])
def test_keeps_away_from_where_trials_diverge(name, samples, status):
    """The optimum lies one decade below the rates that diverge. A search that is not told goes there: nothing is known of it."""

    def late(ending):
        def outcome(values):
            return (math.nan, ending) if values["lr"] > 0.1 else (math.log10(values["lr"] / 1e-2) ** 2, Status.COMPLETED)

        drawn = race(name, LR, samples, outcome, startup=8)[samples // 2 :]
        return sum(values["lr"] > 0.1 for values, _ in drawn) / len(drawn)

    assert late(status) <= 0.15
    assert late(Status.FAILED) >= 0.5


def test_a_truncated_loss_never_counts_as_a_final_one():
    """Small rates are stopped early at losses that look better than any final one: had they counted, they would be proposed."""

    def outcome(values):
        small = values["lr"] < 1e-3
        return (0.0, Status.STOPPED_EARLY) if small else (1.0 + abs(math.log10(values["lr"] / 1e-2)), Status.COMPLETED)

    drawn = race("optuna-tpe", LR, 40, outcome, startup=8)
    assert sum(values["lr"] < 1e-3 for values, _ in drawn[20:]) <= 5


def test_failures_are_passed_over():
    """A study in which every second trial failed is, to the model, the study without them."""
    space, setup = LR, settings("optuna-tpe", samples=40)
    places = slots(space, 40, 0)
    with_failures, without = Ledgered(build_searcher(space, setup)), Ledgered(build_searcher(space, setup))
    for i, slot in enumerate(places[:20]):
        values = {"lr": 10.0 ** -(1 + i % 4 + i / 100)}
        failed = i % 2 == 1
        with_failures.run(slot, lambda v, failed=failed: (0.0, Status.FAILED) if failed else bowl(v), values)
        if not failed:
            without.run(slot, bowl, values)
    assert with_failures.searcher.suggest(places[20]) == without.searcher.suggest(places[20])


@pytest.mark.parametrize("seed", range(3))
def test_running_trials_are_kept_away_from(seed):
    """With 12 pending trials at the best value found, the next one is somewhere else."""
    setup, space = settings("optuna-tpe", samples=40, seed=seed), {"lr": tune.choice([1e-4, 1e-3, 1e-2, 1e-1])}
    bench, places = Ledgered(build_searcher(space, setup)), slots(space, 40, seed)
    for slot, rate in zip(places, [1e-4, 1e-3, 1e-2, 1e-1] * 3, strict=False):
        bench.run(slot, bowl, {"lr": rate})
    assert bench.searcher.suggest(places[30])["lr"] == 1e-3
    for slot in places[12:24]:
        bench.sample(slot, {"lr": 1e-3})
    assert bench.searcher.suggest(places[30])["lr"] != 1e-3


def test_several_metrics_make_a_pareto_set():
    """Loss falls and memory grows with the rank; both ends and the middle are worth having, other batches are not."""
    metrics = ("eval/loss", "memory/peak_gb", "time/tokens_per_sec")
    space = {"rank": tune.uniform(0.0, 1.0), "waste": tune.uniform(0.0, 1.0)}
    setup = settings("optuna-tpe", samples=60, startup=10, metric=metrics)
    bench, late = Ledgered(build_searcher(space, setup)), []
    for slot in slots(space, 60, 0):
        trial = bench.sample(slot)
        bench.start(trial)
        values = bench.state.sampled_values[trial]
        late.append(values["waste"])
        bench.report(trial, 10, 1 - values["rank"] + values["waste"], values["rank"] + values["waste"], -values["waste"], metrics=metrics)
        bench.end(trial, Status.COMPLETED)
    assert sum(late[30:]) / 30 < 0.25
    study = optuna.create_study(directions=["minimize", "minimize", "maximize"])
    study.add_trials(bench.searcher.trials)
    assert len(study.best_trials) > 5


@pytest.mark.parametrize("name", ["optuna-tpe", "optuna-gp"])
def test_several_metrics_with_a_grid_stopped_and_diverged_trials(name):
    metrics, space = ("eval/loss", "memory/peak_gb"), {key: MIXED[key] for key in ("opt", "lr")}
    setup = settings(name, samples=6, metric=metrics)
    bench = Ledgered(build_searcher(space, setup))
    ends = [Status.COMPLETED, Status.STOPPED_EARLY, Status.DIVERGED]
    for number, slot in enumerate(slots(space, 6, 0)):
        trial = bench.sample(slot)
        assert bench.state.sampled_values[trial]["opt"] == dict(slot.grid)["opt"]
        bench.start(trial)
        bench.report(trial, 10, bowl(bench.state.sampled_values[trial])[0], 1.0 + number, metrics=metrics)
        bench.end(trial, ends[number % 3])


def test_nothing_is_printed_or_logged(capsys):
    race("optuna-tpe", LR, 10, bowl)
    assert capsys.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == optuna.logging.INFO
