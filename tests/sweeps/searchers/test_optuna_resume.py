"""A search is rebuilt from the ledger: what it knows of each trial, and that it goes on as if it had never stopped."""

import math

import optuna
import pytest
from ledgered import Ledgered, settings
from ray import tune
from tasks import LR, MIXED, bowl, miss, needs_cmaes, race

from sweeps.runner.searchers.registry import build_searcher
from sweeps.runner.searchers.searcher import Slot
from sweeps.runner.searchers.slots import slots
from trainable.spec.ledger import replay
from trainable.spec.status import Status

STATUSES = [
    Status.COMPLETED,
    Status.STOPPED_EARLY,
    Status.COMPLETED,
    Status.DIVERGED,
    None,
    Status.FAILED,
    Status.PAUSED,
    Status.COMPLETED,
    Status.OUT_OF_MEMORY,
    Status.INTERRUPTED,
    Status.COMPLETED,
]


ONE, TWO = ("eval/loss",), ("eval/loss", "memory/peak_gb")
SMALL = {key: MIXED[key] for key in ("opt", "lr")}


@pytest.mark.parametrize(
    ("name", "space", "metrics", "samples", "startup"),
    [
        ("optuna-tpe", MIXED, ONE, 12, 4),
        ("optuna-tpe", MIXED, TWO, 12, 4),
        ("optuna-gp", SMALL, ONE, 4, 1),
        ("optuna-gp", SMALL, TWO, 3, 1),
        pytest.param("optuna-cmaes", MIXED, ONE, 12, 1, marks=needs_cmaes),
    ],
)
def test_a_resumed_search_goes_on_with_the_same_values(name, space, metrics, samples, startup):
    """After every trial of a sweep, a searcher rebuilt from the ledger suggests what the one that never stopped does."""
    setup, places = settings(name, samples=samples, startup=startup, metric=metrics), slots(space, samples, 0)
    bench = Ledgered(build_searcher(space, setup))
    for number, slot in enumerate(places):
        if number >= startup:
            restarted = bench.restarted(space, setup)
            assert restarted.suggest(slot) == bench.searcher.suggest(slot)
        trial, status = bench.sample(slot), STATUSES[number % len(STATUSES)]
        if number % 5 == 4:
            continue  # Drawn, and its driver killed before the start.
        bench.start(trial)
        for step in (10, 20):
            loss = math.nan if status == Status.DIVERGED else bowl(bench.state.sampled_values[trial])[0] + 1 / step
            bench.report(trial, step, *[loss, number % 3 + 1.0][: len(metrics)], metrics=metrics)
        if status is not None:
            bench.end(trial, status, 20)


def test_a_failed_trial_that_runs_again_counts_again():
    setup, places = settings("optuna-tpe", samples=9), slots(LR, 9, 0)
    bench = Ledgered(build_searcher(LR, setup))
    for slot in places[:5]:
        bench.run(slot, bowl)
    bench.run(places[5], lambda values: (9.0, Status.FAILED))
    bench.start("t005", attempt=2)
    bench.report("t005", 20, 0.0)
    assert bench.searcher.trials[5].state == optuna.trial.TrialState.RUNNING
    assert bench.restarted(LR, setup).suggest(places[6]) == bench.searcher.suggest(places[6])
    bench.end("t005", Status.COMPLETED, 20)
    assert bench.searcher.trials[5].values == [0.0]
    assert bench.restarted(LR, setup).suggest(places[6]) == bench.searcher.suggest(places[6])


def test_a_suggestion_depends_on_the_slot_and_not_on_how_often_it_is_asked_for():
    setup, places = settings("optuna-tpe", samples=10), slots(LR, 10, 0)
    bench = Ledgered(build_searcher(LR, setup))
    for slot in places[:6]:
        bench.run(slot, bowl)
    first = bench.searcher.suggest(places[6])
    other = bench.searcher.suggest(places[7])
    assert bench.searcher.suggest(places[6]) == first != other
    bench.sample(places[7])
    assert bench.searcher.suggest(places[6]) != first


def test_the_baseline_is_learned_from_and_one_outside_the_space_is_not():
    setup = settings("optuna-tpe")
    bench = Ledgered(build_searcher(MIXED, setup))
    inside = {"batch": 8, "decay": 0.1, "lr": 0.001, "opt": "adamw", "warmup": 10}
    for values in (inside, {**inside, "lr": 5.0}, {**inside, "opt": "sgd"}):
        slot = Slot(tuple(sorted(values.items())), 0)
        bench.sample(slot, values)
    assert [trial.params for trial in bench.searcher.trials] == [inside]
    assert [trial.params for trial in bench.restarted(MIXED, setup).trials] == [inside]


def test_a_trial_drawn_twice_is_one_trial():
    bench = Ledgered(build_searcher(LR, settings("optuna-tpe", samples=3)))
    first, second, _ = slots(LR, 3, 0)
    bench.run(first, bowl)
    bench.searcher.suggest(second)
    bench.write("sampled", slot=second.id, trial="t000", values=bench.state.sampled_values["t000"])
    bench.searcher.started(second, "t000")
    assert len(bench.searcher.trials) == 1
    assert bench.searcher.trials[0].state == optuna.trial.TrialState.COMPLETE


def test_a_trial_is_known_by_the_values_it_was_drawn_with():
    setup = settings("optuna-tpe")
    bench = Ledgered(build_searcher(LR, setup))
    trial = bench.sample(slots(LR, 1, 0)[0])
    bench.start(trial)
    copied = {"source": "other", "cell": trial, "step": 10, "values": {"lr": 0.5}, "overrides": []}
    bench.write("trial_ended", trial=trial, attempt=1, status="paused", step=10, exploited=copied)
    bench.start(trial)
    bench.report(trial, 20, 1.0)
    bench.end(trial, Status.COMPLETED, 20)
    drawn = [bench.state.sampled_values[trial]]
    assert [seen.params for seen in bench.searcher.trials] == [seen.params for seen in bench.restarted(LR, setup).trials] == drawn


def test_an_edited_space_keeps_what_still_lies_in_it():
    setup = settings("optuna-tpe", samples=20)
    bench = Ledgered(build_searcher(LR, setup))
    for slot in slots(LR, 20, 0):
        bench.run(slot, bowl)
    narrower = {"lr": tune.loguniform(1e-4, 1e-2)}
    fresh = build_searcher(narrower, setup)
    fresh.resume(bench.state.samples, bench.state.trials, bench.state.sampled_values)
    rates = [values["lr"] for values in bench.state.sampled_values.values()]
    assert [trial.params["lr"] for trial in fresh.trials] == [rate for rate in rates if 1e-4 <= rate <= 1e-2]
    assert all(1e-4 <= fresh.suggest(Slot((), draw))["lr"] <= 1e-2 for draw in range(20, 30))


def test_warm_start_learns_from_an_earlier_sweeps_finished_trials_at_once():
    setup, early = settings("optuna-tpe", samples=30), Ledgered(build_searcher(LR, settings("optuna-tpe", samples=30)))
    for slot in slots(LR, 30, 0):
        early.run(slot, bowl)
    early.start(early.sample(Slot((), 99)))
    early.run(Slot((), 98), bowl)
    copied = {"source": "t000", "cell": "t031", "step": 10, "values": {"lr": 0.5}, "overrides": []}
    early.write("trial_ended", trial="t031", attempt=1, status="completed", step=10, exploited=copied)
    before = list(early.state.trials.values())
    warm = build_searcher(LR, setup, warm_start=before)
    assert len(warm.trials) == 30
    warm.resume({}, {}, {})
    warmed = [(values, bowl(values)) for values in map(warm.suggest, slots(LR, 20, 0))]
    assert miss(warmed) < 0.75 * miss(race("random", LR, 20, bowl))
    other = build_searcher({**LR, "new": tune.uniform(0, 1)}, setup, warm_start=before)
    assert other.trials == []


def test_the_state_of_a_replayed_ledger_is_that_of_the_bench():
    bench = Ledgered(build_searcher(LR, settings("optuna-tpe", samples=3)))
    for slot in slots(LR, 3, 0):
        bench.run(slot, bowl)
    assert replay(bench.events) == bench.state
