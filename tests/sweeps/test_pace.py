"""The time that a sweep still takes: of the tokens that are left, at the pace since the first evaluation."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sweeps.runner.outlook import Outlook
from sweeps.runner.pace import seconds_left, tokens_left
from trainable.spec.ledger import replay
from trainable.spec.statement import Claim, Statement

START = datetime(2026, 1, 1, tzinfo=UTC)
TOKENS_PER_STEP = 4 * 16


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def event(kind: str, seconds: float, **more: Any) -> dict[str, Any]:
    return {"event": kind, "time": at(seconds).isoformat(timespec="milliseconds"), **more}


def driver(seconds: float = 0, **planned: int) -> dict[str, Any]:
    plan = {"explore_trials": 4, "confirm_trials": 4, "steps": 200, "tokens": 200 * TOKENS_PER_STEP, **planned}
    return event("driver_started", seconds, host="h", pid=1, command="", commit=None, planned=plan)


def started(cell: str, seconds: float, *, stage: str = "explore", seed: int = 0, attempt: int = 1, **values: Any) -> dict[str, Any]:
    given = {"values": values, "overrides": [], "run_id": "r", "attempt": attempt}
    return event("trial_started", seconds, trial=f"{cell}-s{seed}", cell=cell, stage=stage, seed=seed, **given)


def evaluated(cell: str, seconds: float, step: int, seed: int = 0) -> dict[str, Any]:
    return event("evaluated", seconds, trial=f"{cell}-s{seed}", attempt=1, step=step, metrics={"eval/loss": 1.0})


def ended(cell: str, seconds: float, status: str, step: int, seed: int = 0) -> dict[str, Any]:
    return event("trial_ended", seconds, trial=f"{cell}-s{seed}", status=status, stop_reason=None, step=step)


def outlook(events: list[dict[str, Any]], **budget: float) -> Outlook:
    statement = Statement(
        name="lr_ablation",
        hypothesis="Another rate is better.",
        metric="eval/loss",
        varied=["training.batch_size"],
        baseline_values={"training.batch_size": 4},
        baseline_cell="a",
        claims=[Claim("better")],
        seeds=[1, 2],
        explore_seed=0,
        max_steps=40,
        settings={"explore": {"enabled": True}, "budget": budget},
        base_config={"training": {"batch_size": 4}, "model": {"context_length": 16}},
    )
    return Outlook(statement, replay(events))


RUNNING = [driver(), started("a", 5), started("b", 5), evaluated("a", 20, 10), evaluated("b", 20.1, 10)]


def test_nothing_is_promised_before_there_is_a_pace() -> None:
    """What two trials tell of first was trained before the clock was started."""
    assert seconds_left(outlook(RUNNING[:3]), at(19)) is None
    assert seconds_left(outlook(RUNNING), at(21)) is None


def test_the_start_of_ray_and_of_the_first_workers_is_no_part_of_the_pace() -> None:
    seen = outlook([*RUNNING, evaluated("a", 30, 20), evaluated("b", 30, 20)])
    assert seconds_left(seen, at(30)) == pytest.approx(10 / 20 * (2 * 10 + 160))


def test_a_driver_that_goes_on_has_a_pace_of_its_own() -> None:
    again = [driver(1000), started("a", 1010, attempt=2), evaluated("a", 1020, 30), evaluated("a", 1040, 40)]
    assert seconds_left(outlook([*RUNNING, again[0]]), at(1001)) is None
    assert seconds_left(outlook([*RUNNING, *again]), at(1040)) == pytest.approx(20 / 10 * (2 * 10 + 160))


def test_trials_that_ended_show_what_the_next_will_take() -> None:
    """10 steps were expected of each, which counts like three trials; both that ended took 40."""
    events = [*RUNNING, evaluated("a", 30, 40), ended("a", 30, "completed", 40), evaluated("b", 30, 40), ended("b", 30, "completed", 40)]
    assert tokens_left(outlook(events)) == TOKENS_PER_STEP * (2 * (3 * 10 + 2 * 40) / 5 + 4 * 40)


def test_a_step_counts_its_tokens_and_a_run_its_own_steps() -> None:
    """The confirmation of two cells: one of 4 x 16 tokens over 40 steps, one of 8 x 16 over 10."""
    own = {"training.batch_size": 8, "training.max_steps": 10}
    events = [driver(), started("a", 0), started("b", 0, **own), event("stage_ended", 9, stage="explore", finalists=["b"], baseline="a")]
    assert tokens_left(outlook(events)) == 2 * 16 * (4 * 40 + 8 * 10)
    events += [started("b", 10, stage="confirm", seed=1, **own), evaluated("b", 11, 5, seed=1)]
    assert tokens_left(outlook(events)) == 2 * 16 * (4 * 40 + 8 * 10) - 8 * 16 * 5
    events += [ended("b", 12, "diverged", 5, seed=1)]
    assert tokens_left(outlook(events)) == 2 * 16 * (4 * 40 + 8 * 10) - 8 * 16 * 10


def test_cells_that_have_not_started_are_in_the_plan_of_a_sweep_that_explores_nothing() -> None:
    all_cells = event("stage_ended", 1, stage="explore", finalists=["b", "c"], baseline="a")
    events = [driver(explore_trials=0, tokens=1000), all_cells, started("b", 2, stage="confirm", seed=1, **{"training.batch_size": 1})]
    assert tokens_left(outlook([*events, evaluated("b", 3, 10, seed=1)])) == 1000 - 160


def test_a_budget_of_time_ends_it_earlier() -> None:
    events = [*RUNNING, evaluated("a", 30, 20), evaluated("b", 30, 20)]
    assert seconds_left(outlook(events, minutes=1.0), at(30)) == pytest.approx(30)
    assert seconds_left(outlook(events, minutes=60.0), at(30)) == pytest.approx(90)


def test_a_ledger_without_a_plan_promises_nothing() -> None:
    events = [{**driver(), "planned": None}, *RUNNING[1:], evaluated("a", 30, 20)]
    assert seconds_left(outlook(events), at(30)) is None
    in_steps = [{**driver(), "planned": {"explore_trials": 4, "confirm_trials": 4, "steps": 200}}, *events[1:]]
    assert seconds_left(outlook(in_steps), at(30)) == pytest.approx(10 / 10 * (2 * 10 + 160))


def test_nothing_is_left_of_a_sweep_that_has_ended() -> None:
    events = [*RUNNING, evaluated("a", 30, 20), event("driver_ended", 31, status="finished", message=None)]
    assert seconds_left(outlook(events), at(31)) is None
