"""The screen of a sweep: it fits, it sorts by promise, and it says what happened."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from sweeps.runner.outlook import Outlook
from sweeps.runner.progress import Progress
from sweeps.runner.trial_table import by_promise, sparkline
from sweeps.runner.view import screen
from trainable.spec.ledger import SweepState, apply, replay
from trainable.spec.statement import Claim, Statement
from trainable.spec.status import Stage

START = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = ["optimizer.lr", "optimizer.weight_decay", "schedule.warmup_steps", "training.batch_size"]


def statement(keys: list[str] = KEYS[:1], **budget: float) -> Statement:
    return Statement(
        name="lr_ablation",
        hypothesis="Another rate is better than the customary one, by more than what the seeds make of it, in a run of this length.",
        metric="eval/loss",
        varied=keys,
        baseline_values={"optimizer.lr": 0.1},
        baseline_cell="c0",
        claims=[Claim("better")],
        seeds=[1, 2],
        explore_seed=0,
        max_steps=40,
        settings={"explore": {"enabled": True}, "budget": budget},
        base_config={"resources": {"gpus_per_trial": 2}},
    )


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def started(number: int, keys: list[str] = KEYS[:1], seconds: float = 0, **more: Any) -> dict[str, Any]:
    values = dict.fromkeys(keys, 0.1 * (number + 1))
    given = {"attempt": 1, "stage": "explore", "seed": 0, "values": values, "overrides": [], "run_id": "r", **more}
    return {"event": "trial_started", "time": at(seconds), "trial": f"c{number}-s0", "cell": f"c{number}", **given}


def evaluated(number: int, step: int, loss: float | None, seconds: float = 10) -> dict[str, Any]:
    metrics = {"eval/loss": loss, "time/tokens_per_sec": 1234.5, "memory/peak_gb": 0.625}
    return {"event": "evaluated", "time": at(seconds), "trial": f"c{number}-s0", "attempt": 1, "step": step, "metrics": metrics}


def ended(number: int, status: str, reason: str | None, **more: Any) -> dict[str, Any]:
    return {"event": "trial_ended", "time": at(20), "trial": f"c{number}-s0", "status": status, "stop_reason": reason, "step": 10, **more}


def driver(seconds: float = 0) -> dict[str, Any]:
    planned = {"explore_trials": 4, "confirm_trials": 4, "steps": 200}
    return {"event": "driver_started", "time": at(seconds), "host": "h", "pid": 1, "command": "", "commit": None, "planned": planned}


STOPPED = {"level": 10, "value": 3.5, "decision": "stop", "cutoff": 2.25, "bracket": 0}
EVENTS = [
    driver(),
    *(started(n) for n in range(4)),
    evaluated(0, 10, 2.0),
    evaluated(0, 20, 1.5),
    evaluated(1, 10, 3.5),
    evaluated(2, 10, 1.8),
    ended(1, "stopped_early", "stopped at step 10", rung=STOPPED),
    ended(2, "failed", "the worker died"),
    ended(3, "diverged", "loss was nan"),
    {**started(2, attempt=2, seconds=21)},
]


def shown(state: SweepState, width: int = 80, height: int | None = 24, **changed: Any) -> list[str]:
    console = Console(file=StringIO(), width=width, highlight=False)
    console.print(screen(Outlook(changed.pop("statement", statement()), state), START + timedelta(seconds=30), width=width, height=height))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_the_whole_screen() -> None:
    lines = shown(replay(EVENTS), statement=statement(trials=8, gpu_hours=1))
    assert lines[0] == "lr_ablation · explore · explore 2/4, confirm 0/4 · 0:30, about 5:20 left"
    assert lines[1].startswith("Another rate is better")
    assert lines[3] == "budget: 4 of 8 trials, 0.055 of 1 gpu-hours"
    assert lines[4].split() == ["state", "lr", "seed", "step", "loss", "Δ", "curve", "tok/s", "GB"]
    assert [line.split()[:3] for line in lines[5:9]] == [
        ["exp", "running", "0.1"],
        ["exp", "running", "0.3"],
        ["exp", "stopped", "0.2"],
        ["exp", "diverged", "0.4"],
    ]
    assert lines[6].split()[3:] == ["0", "10", "1.8000", "-10.0%", "▁", "1,234", "0.62"]
    assert "+75.0%" in lines[7]
    assert [line.split(" ", 1)[1] for line in lines[9:]] == [
        "diverged: lr=0.4 seed 0: loss was nan",
        "stopped at step 10 with 3.5 against 2.25: lr=0.2 seed 0",
        "attempt 2 after failed, from step 10: lr=0.3 seed 0",
    ]


def test_the_stage_and_the_times_after_the_end() -> None:
    conclusion = {"event": "stage_ended", "time": at(22), "stage": "explore", "finalists": ["c2"], "baseline": "c0"}
    last = {"event": "driver_ended", "time": at(25), "status": "finished", "message": None}
    outlook = Outlook(statement(), replay([*EVENTS, conclusion]))
    assert (outlook.stage, outlook.planned(Stage.CONFIRM)) == (Stage.CONFIRM, 4)
    over = Outlook(statement(), replay([*EVENTS, conclusion, last]))
    assert (over.has_ended, over.elapsed_seconds(START + timedelta(days=1))) == (True, 25.0)
    again = Outlook(statement(), replay([*EVENTS, last, driver(60)]))
    assert (again.has_ended, again.elapsed_seconds(START + timedelta(seconds=61))) == (False, 1.0)


def test_a_ledger_that_tells_no_plan_gets_counts_without_totals() -> None:
    lines = shown(replay([{**driver(), "planned": None}, started(0)]))
    assert lines[0] == "lr_ablation · explore · explore 0, confirm 0 · 0:30"


@settings(max_examples=25, deadline=None)
@given(st.integers(40, 140), st.integers(12, 40), st.integers(0, 60), st.integers(1, 4), st.floats(1e-9, 1e30))
def test_it_fits(width: int, height: int, trials: int, keys: int, loss: float) -> None:
    events = [driver()]
    for n in range(trials):
        events += [started(n, KEYS[:keys]), evaluated(n, 10, loss), ended(n, "stopped_early", "stopped at step 10", rung=STOPPED)]
    lines = shown(replay(events), width, height, statement=statement(KEYS[:keys], minutes=3.0))
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


def test_every_trial_is_on_the_last_screen() -> None:
    assert sum("exp running" in line for line in shown(replay([driver(), *(started(n) for n in range(70))]), height=None)) == 70


def test_promise_is_the_last_loss_and_the_other_way_round_for_speed() -> None:
    state = replay([driver(), *EVENTS[1:9], ended(0, "completed", None), ended(2, "completed", None), ended(1, "completed", None)])
    assert [record.trial for record in by_promise(Outlook(statement(), state))][1:] == ["c0-s0", "c2-s0", "c1-s0"]
    faster = Outlook(Statement(**{**vars(statement()), "higher_is_better": True}), state)
    assert [record.trial for record in by_promise(faster)][1:] == ["c1-s0", "c2-s0", "c0-s0"]


@pytest.mark.parametrize(
    ("points", "rungs", "text"),
    [
        ([], {}, ""),
        ([(10, 1.0)], {}, "▁"),
        ([(10, 3.0), (20, 2.0), (30, 1.0)], {}, "█▅▁"),
        ([(10, 3.0), (20, 2.0), (30, 1.0)], {10: "continue"}, "█╎▅▁"),
        ([(10, 3.0), (20, 2.0)], {10: "continue", 20: "stop"}, "█╎▁✕"),
        ([(10, 3.0)], {10: "pause"}, "▁‖"),
        ([(n, float(-n)) for n in range(1, 31)], {10: "continue"}, "█▇▆╎▅▄▃▂▁"),
    ],
)
def test_a_curve_and_its_rungs(points: list[tuple[int, float]], rungs: dict[int, str], text: str) -> None:
    assert sparkline(points, rungs) == text


def test_where_there_is_no_terminal_the_last_changes_are_told_too() -> None:
    """However soon the sweep ends after the line before."""
    console = Console(file=StringIO(), width=80)
    state = replay([driver(), started(0)])
    with Progress(console, statement(), state) as progress:
        progress.beat()
        apply(state, ended(0, "completed", None))
    assert "explore lr=0.1 seed 0: completed at step" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_clock_that_was_set_back_neither_keeps_a_sweep_open_nor_gives_time_back() -> None:
    events = [driver(3600), started(0, seconds=3610), evaluated(0, 10, 2.0, seconds=3620), evaluated(0, 20, 1.9, seconds=20)]
    state = replay([*events, ended(0, "completed", None)])
    outlook = Outlook(statement(minutes=60), state)
    assert state.seconds == 20
    assert outlook.spent(START)["minutes"] == pytest.approx(20 / 60)
    assert "left" not in "\n".join(shown(state))
    apply(state, {"event": "driver_ended", "time": at(30), "status": "finished", "message": None})
    assert outlook.has_ended
    assert "finished" in "\n".join(shown(state))


def test_trials_that_are_no_longer_asked_for_do_not_exceed_the_plan() -> None:
    fewer = {**driver(), "planned": {"explore_trials": 1, "confirm_trials": 0, "steps": 20}}
    state = replay([fewer, *(started(n) for n in range(2)), *(ended(n, "completed", None) for n in range(2))])
    assert "explore 2/2" in "\n".join(shown(state))
