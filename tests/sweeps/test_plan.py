"""The plan under every order of events that a sweep can meet: outcomes, dead workers, dead drivers."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import mkdtemp
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ray import tune

from sweeps.runner import blueprint as blueprint_module
from sweeps.runner import conductor
from sweeps.runner.blueprint import Blueprint, draw_up
from sweeps.runner.plan import Finished, wanted_trials
from sweeps.runner.sweep import Sweep
from tests.sweeps.miniature import Fate, Miniature
from trainable.spec import identity
from trainable.spec.config import RunConfig
from trainable.spec.statement import Claim
from trainable.spec.status import Stage, Status

RATES = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
BASELINE = 1e-3
MAX_FAILURES = 2
SCHEDULES = {
    "fifo": ["scheduler=fifo"],
    "asha": ["scheduler=asha"],
    "promotion": ["scheduler=asha", "scheduler.promote=true"],
    "hyperband": ["scheduler=hyperband"],
    "median": ["scheduler=median", "scheduler.min_samples=1"],
    "pbt": ["scheduler=pbt", "scheduler.perturbation_steps=4"],
}
LIVING = (Status.COMPLETED, Status.STOPPED_EARLY)
DEAD = (Status.DIVERGED, Status.FAILED, Status.OUT_OF_MEMORY)

Plan = Callable[..., Blueprint]
fates = st.dictionaries(
    st.sampled_from(RATES),
    st.one_of(st.builds(Fate, diverges_after=st.integers(0, 15)), st.builds(Fate, memory_for=st.sampled_from([1, 2]))),
    max_size=3,
)
choices = st.lists(st.integers(0, 99), max_size=40)
lives = st.lists(st.integers(0, 25), max_size=6)
under_load = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Configurations are turned into plain values thousands of times here: once each is enough."""
    known: dict[int, str] = {}

    def cell_of(config: RunConfig) -> str:
        return known.setdefault(id(config), identity.cell_of(config)) if id(config) not in known else known[id(config)]

    with patch.object(conductor, "to_plain", asdict), patch.object(blueprint_module, "cell_of", cell_of):
        yield


@pytest.fixture(scope="module")
def plan(corpus_file: Path) -> Plan:
    sweep = Sweep(
        name="plan",
        hypothesis="It ends.",
        space={"optimizer.lr": tune.grid_search(RATES)},
        baseline={"optimizer.lr": BASELINE},
        claims=[Claim("better", 0.0)],
        base=["model=micro", "data=text", f"data.path={corpus_file}", "training.max_steps=16", "training.eval_interval=4"],
    )
    common = ["training.batch_size=4", "scheduler.grace_steps=4", "scheduler.reduction_factor=2", f"resources.max_failures={MAX_FAILURES}"]
    drawn: dict[tuple[str, ...], Blueprint] = {}

    def draw(*more: str) -> Blueprint:
        if more not in drawn:
            drawn[more] = draw_up(sweep, [*common, "sweep.seeds=[1,2]", "confirm.finalists=2", *more])
        return drawn[more]

    return draw


@pytest.fixture(scope="module")
def runs() -> Path:
    return Path(mkdtemp())


def finish(miniature: Miniature, lives: Sequence[int], choices: Sequence[int]) -> Finished:
    """Drivers that die one after the other, and one that lives."""
    for number in lives:
        if done := miniature.drive(choices[number % 7 :: 2], lives=number):
            return done
    done = miniature.drive(choices)
    assert done is not None
    return done


@pytest.mark.parametrize("schedule", SCHEDULES)
@under_load
@given(fates=fates, choices=choices, lives=lives, slots=st.integers(1, 3))
def test_every_sweep_ends_with_everything_run_once(
    plan: Plan, runs: Path, schedule: str, fates: dict[float, Fate], choices: list[int], lives: list[int], slots: int
) -> None:
    blueprint = plan(*SCHEDULES[schedule])
    sweep = Miniature(blueprint, runs, fates, slots)
    assert finish(sweep, lives, choices) == Finished()
    state = sweep.state
    wanted = wanted_trials(blueprint, state)
    assert {record.status for name, record in state.trials.items() if name in wanted} <= {*LIVING, *DEAD}
    assert state.finalists is not None
    cells = [blueprint.stated_baseline_cell, *state.finalists]
    assert {f"{cell}-s{seed}" for cell in cells for seed in (1, 2)} <= state.trials.keys()
    dead = {record.cell for record in state.trials.values() if record.stage == Stage.EXPLORE and record.status in DEAD}
    assert not dead & set(state.finalists)
    _nothing_twice(sweep)
    if Status.FAILED not in {record.status for record in state.trials.values()}:
        started = len(sweep.starts)
        assert sweep.drive() == Finished()
        assert len(sweep.starts) == started


def _nothing_twice(sweep: Miniature) -> None:
    events = sweep.events
    decided = [(e["trial"], rung["level"]) for e in events if (rung := e if e["event"] == "rung" else e.get("rung"))]
    for found in (
        decided,
        [(e["trial"], e["step"]) for e in events if e["event"] == "evaluated"],
        [e["slot"] for e in events if e["event"] == "sampled"],
    ):
        assert len(found) == len(set(found))
    ended: set[str] = set()
    failures: Counter[str] = Counter()
    for event in events:
        if event["event"] == "driver_started":
            failures.clear()
        if event["event"] == "trial_ended":
            failures[event["trial"]] += event["status"] == Status.FAILED
            assert failures[event["trial"]] <= 1 + MAX_FAILURES
        if event["event"] == "trial_ended" and event["status"] in (*LIVING, Status.DIVERGED):
            assert event["trial"] not in ended
            ended.add(event["trial"])
        if event["event"] == "trial_started":
            assert event["trial"] not in ended
    for trial in {trial for _, trial, _ in sweep.starts}:
        attempts = [attempt for _, name, attempt in sweep.starts if name == trial]
        assert attempts == sorted(set(attempts))


@pytest.mark.parametrize("schedule", SCHEDULES)
@under_load
@given(fates=fates, lives=st.lists(st.integers(0, 30), min_size=1, max_size=8))
def test_killed_drivers_change_nothing(plan: Plan, runs: Path, schedule: str, fates: dict[float, Fate], lives: list[int]) -> None:
    """With one slot the order of events is given, so that even early stopping must come out the same."""
    undisturbed, killed = (Miniature(plan(*SCHEDULES[schedule]), runs, fates) for _ in range(2))
    undisturbed.drive()
    finish(killed, lives, [])
    assert killed.rows() == undisturbed.rows()
    assert killed.state.finalists == undisturbed.state.finalists
    assert [r.values for r in killed.state.trials.values()] == [r.values for r in undisturbed.state.trials.values()]
    assert [r.rungs for r in _undated(killed)] == [r.rungs for r in _undated(undisturbed)]


def _undated(sweep: Miniature) -> list:
    records = list(sweep.state.trials.values())
    for record in records:
        record.rungs = [{k: v for k, v in rung.items() if k != "time"} for rung in record.rungs]
    return records


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_kill_after_any_event_changes_nothing(plan: Plan, runs: Path, schedule: str) -> None:
    fates = {1e-1: Fate(diverges_after=6)}
    undisturbed = Miniature(plan(*SCHEDULES[schedule]), runs, fates)
    undisturbed.drive()
    for number in range(len(undisturbed.lines)):
        killed = Miniature(plan(*SCHEDULES[schedule]), runs, fates)
        finish(killed, [number], [])
        assert (number, killed.rows()) == (number, undisturbed.rows())
        _nothing_twice(killed)


def test_a_torn_last_event_is_found_out_again(plan: Plan, runs: Path) -> None:
    for schedule in SCHEDULES.values():
        undisturbed = Miniature(plan(*schedule), runs)
        undisturbed.drive()
        for number in range(2, len(undisturbed.lines), 3):
            torn = Miniature(plan(*schedule), runs)
            torn.drive(lives=number)
            torn.lines.pop()
            torn.drive()
            assert {k: v[0] for k, v in torn.rows().items()} == {k: v[0] for k, v in undisturbed.rows().items()}


def test_more_seeds_run_only_what_is_new(plan: Plan, runs: Path) -> None:
    sweep = Miniature(plan("scheduler=asha"), runs, slots=2)
    sweep.drive()
    before = set(sweep.state.trials)
    sweep.blueprint = plan("scheduler=asha", "sweep.seeds=[1,2,3]")
    assert sweep.drive() == Finished()
    fresh = [trial for driver, trial, _ in sweep.starts if driver == 2]
    assert sorted(fresh) == sorted(set(sweep.state.trials) - before)
    assert {trial.rpartition("-s")[2] for trial in fresh} == {"3"}


def test_a_wider_grid_runs_what_is_new_and_keeps_what_is_finished(plan: Plan, runs: Path) -> None:
    sweep = Miniature(plan("scheduler=fifo"), runs)
    sweep.drive()
    before = sweep.rows()
    wider = replace(plan("scheduler=fifo").sweep, space={"optimizer.lr": tune.grid_search([*RATES, 3e-3])})
    sweep.blueprint = replace(plan("scheduler=fifo"), sweep=wider)
    assert sweep.drive() == Finished()
    fresh = [trial for driver, trial, _ in sweep.starts if driver == 2]
    assert fresh
    assert not set(fresh) & set(before)
    assert {trial: sweep.rows()[trial] for trial in before} == before


def test_fewer_seeds_leave_out_and_keep(plan: Plan, runs: Path) -> None:
    sweep = Miniature(plan("scheduler=fifo"), runs)
    sweep.drive()
    before = sweep.rows()
    sweep.blueprint = plan("scheduler=fifo", "sweep.seeds=[2]")
    assert sweep.drive() == Finished()
    assert sweep.rows() == before
    left_out = set(sweep.state.trials) - wanted_trials(sweep.blueprint, sweep.state)
    assert {trial.rpartition("-s")[2] for trial in left_out} == {"1"}


def test_an_interrupted_trial_that_is_no_longer_wanted_is_not_continued(plan: Plan, runs: Path) -> None:
    sweep = Miniature(plan("scheduler=fifo"), runs)
    while Stage.CONFIRM not in {record.stage for record in sweep.state.trials.values()}:
        sweep.drive(lives=20)
    (trial,) = [name for name, record in sweep.state.trials.items() if record.status == Status.RUNNING]
    sweep.blueprint = plan("scheduler=fifo", "sweep.seeds=[7]")
    sweep.drive()
    assert trial not in [name for driver, name, _ in sweep.starts if driver == sweep.drivers]


def test_diverged_trials_run_again_when_asked_to_and_once(plan: Plan, runs: Path) -> None:
    sweep = Miniature(plan("scheduler=fifo"), runs, {1e-1: Fate(diverges_after=6)})
    sweep.drive()
    (diverged,) = [name for name, record in sweep.state.trials.items() if record.status == Status.DIVERGED]
    assert sweep.drive(retry=[Status.DIVERGED]) == Finished()
    assert [(trial, attempt) for driver, trial, attempt in sweep.starts if driver == 2] == [(diverged, 2)]


def test_out_of_memory_is_tried_once_more_with_half_the_micro_batch(plan: Plan, runs: Path) -> None:
    sweep = Miniature(plan("scheduler=fifo"), runs, {1e-1: Fate(memory_for=2), 1e-2: Fate(memory_for=1)})
    sweep.drive()
    fits, does_not = (sweep.state.trials[plan("scheduler=fifo").key({"optimizer.lr": lr}, 0)] for lr in (1e-1, 1e-2))
    assert (fits.status, fits.attempt, fits.overrides[-1]) == (Status.COMPLETED, 2, "training.micro_batch_size=2")
    assert (does_not.status, does_not.attempt) == (Status.OUT_OF_MEMORY, 2)
    sweep.drive(retry=[Status.OUT_OF_MEMORY])
    again = sweep.state.trials[does_not.trial]
    assert (again.status, again.attempt, again.overrides[-1]) == (Status.OUT_OF_MEMORY, 3, "training.micro_batch_size=2")


def test_a_budget_of_trials_cuts_and_is_extended(plan: Plan, runs: Path) -> None:
    sweep = Miniature(plan("scheduler=fifo", "budget.trials=4"), runs, slots=2)
    done = sweep.drive()
    assert done is not None
    assert "budget.trials=4" in (done.cut or "")
    assert len(sweep.state.trials) == 4
    sweep.blueprint = plan("scheduler=fifo")
    assert sweep.drive() == Finished()
    assert len(sweep.state.trials) == len(RATES) + 2 * 3


def test_a_budget_of_trials_does_not_cut_those_that_it_paid_for(plan: Plan, runs: Path) -> None:
    sweep = Miniature(plan("scheduler=fifo", "budget.trials=4"), runs, slots=2)
    while len(sweep.state.trials) < 4:
        sweep.drive(lives=8)
    sweep.drive(lives=5, choices=[51, 51])
    sweep.drive()
    assert {record.status for record in sweep.state.trials.values()} == {Status.COMPLETED}


def test_another_seed_of_the_exploration_starts_no_trial_twice(plan: Plan, runs: Path) -> None:
    """Also where a driver died between drawing a trial and starting it."""
    for number in range(2, 12):
        sweep = Miniature(plan("scheduler=fifo"), runs, slots=2)
        sweep.drive(lives=number)
        sweep.blueprint = plan("scheduler=fifo", "explore.seed=5")
        assert sweep.drive() == Finished()
        _nothing_twice(sweep)


@pytest.mark.parametrize("fate", [Fate(), Fate(diverges_after=0)])
def test_a_cell_that_a_claim_is_about_is_confirmed_although_it_is_not_among_the_best(plan: Plan, runs: Path, fate: Fate) -> None:
    """Also one that died: its fresh seeds say so."""
    drawn = plan("scheduler=fifo")
    alone = Miniature(drawn, runs)
    assert alone.drive() == Finished()
    rates = {record.cell: record.values["optimizer.lr"] for record in alone.state.trials.values()}
    behind = next(rate for cell, rate in rates.items() if rate != BASELINE and cell not in (alone.state.finalists or ()))
    claims = [Claim("better", 0.0), Claim("what is behind is at most 1 % worse", 0.01, cell={"optimizer.lr": behind})]
    asked = replace(drawn, sweep=replace(drawn.sweep, claims=claims))
    claimed = Miniature(asked, runs, {behind: fate})
    assert claimed.drive() == Finished()
    assert [rates[cell] for cell in claimed.state.finalists or ()] == [rates[cell] for cell in alone.state.finalists or ()] + [behind]
    confirmed = [(record.cell, record.seed) for record in claimed.state.trials.values() if record.stage == Stage.CONFIRM]
    assert {(cell, seed) for cell in rates if rates[cell] == behind for seed in (1, 2)} <= set(confirmed)
    assert len(confirmed) == asked.expected_trials[1] == drawn.expected_trials[1] + 2
