"""Promises of the Optuna bridge, for every model it has."""

import importlib.util
import math

import optuna
import pytest
from ledgered import Ledgered, settings
from ray import tune

from sweeps.runner.searchers.random_search import draw
from sweeps.runner.searchers.registry import build_searcher
from sweeps.runner.searchers.searcher import Slot
from sweeps.runner.searchers.slots import slots
from trainable.spec.ledger import replay
from trainable.spec.status import Status

HAS_CMAES = importlib.util.find_spec("cmaes") is not None
MODELS = ["optuna-tpe", "optuna-gp", pytest.param("optuna-cmaes", marks=pytest.mark.skipif(not HAS_CMAES, reason="cmaes is not installed"))]
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


def miss(drawn):
    """Mean distance to the optimum, in decades."""
    return sum(math.sqrt(loss) for _, (loss, _) in drawn) / len(drawn)


@pytest.mark.parametrize(("name", "samples"), [("optuna-tpe", 30), ("optuna-gp", 10)])
def test_learns_for_every_grid_point(name, samples):
    """The optima of the two optimizers lie two decades apart."""
    space = {key: MIXED[key] for key in ("opt", "lr")}
    learned, random = race(name, space, samples, bowl, startup=6), race("random", space, samples, bowl)
    for opt in TARGETS:
        late = [[found for found in drawn[samples:] if found[0]["opt"] == opt] for drawn in (learned, random)]
        assert miss(late[0]) < 0.75 * miss(late[1])


@pytest.mark.skipif(not HAS_CMAES, reason="cmaes is not installed")
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
        pytest.param("optuna-cmaes", MIXED, ONE, 12, 1, marks=pytest.mark.skipif(not HAS_CMAES, reason="cmaes is not installed")),
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
    bench.write("exploited", trial=trial, source="other", cell=trial, step=10, values={"lr": 0.5}, overrides=[])
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
    before = list(early.state.trials.values())
    warm = build_searcher(LR, setup, warm_start=before)
    assert len(warm.trials) == 30
    warm.resume({}, {}, {})
    warmed = [(values, bowl(values)) for values in map(warm.suggest, slots(LR, 20, 0))]
    assert miss(warmed) < 0.75 * miss(race("random", LR, 20, bowl))
    other = build_searcher({**LR, "new": tune.uniform(0, 1)}, setup, warm_start=before)
    assert other.trials == []


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


def test_the_state_of_a_replayed_ledger_is_that_of_the_bench():
    bench = Ledgered(build_searcher(LR, settings("optuna-tpe", samples=3)))
    for slot in slots(LR, 3, 0):
        bench.run(slot, bowl)
    assert replay(bench.events) == bench.state
