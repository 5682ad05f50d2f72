"""The ledger's format: ``ledger.jsonl``, one event per line, and the state that replaying it gives.

The driver appends (`sweeps.runner.ledger`); everybody else only reads. Events:

| event           | keys beside `event` and `time` (ISO 8601, UTC)                                                    |
|-----------------|---------------------------------------------------------------------------------------------------|
| driver_started  | host, pid, command, commit, planned (explore_trials, confirm_trials, steps, tokens),              |
|                 | stated (hypothesis, metric, claims, seeds, confidence)                                            |
| refused         | slot, values, mistakes: drawn, and no configuration that can be run                               |
| sampled         | slot, trial, values                                                                               |
| trial_started   | trial, attempt, stage, cell, seed, values, overrides, run_id                                      |
| evaluated       | trial, attempt, step, metrics                                                                     |
| rung            | trial, level, value, decision, cutoff, bracket                                                    |
| trial_ended     | trial, attempt, status, stop_reason, step; error, rung, exploited (source, step, cell, values, overrides) |
| stage_ended     | stage, finalists, baseline                                                                              |
| driver_ended    | status, message                                                                                   |
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from trainable.spec.status import Status

Event = Mapping[str, Any]


class DamagedLedger(ValueError):
    """A line in the middle of the ledger is not an event; the message names file and line."""


@dataclass
class TrialRecord:
    """What the ledger knows of one trial; `evaluations` maps step to metrics, in order of steps."""

    trial: str
    stage: str
    cell: str
    seed: int
    values: dict[str, Any]
    overrides: list[str]
    run_id: str
    attempt: int = 1
    started: str = ""
    ended: str | None = None
    status: str = Status.RUNNING
    stop_reason: str | None = None
    error: str | None = None
    step: int = 0
    evaluations: dict[int, dict[str, Any]] = field(default_factory=dict)
    rungs: list[dict[str, Any]] = field(default_factory=list)
    lineage: list[dict[str, Any]] = field(default_factory=list)
    failures: int = 0
    busy_seconds: float = 0.0
    resumed: str = ""
    endings: list[str] = field(default_factory=list)


@dataclass
class SweepState:
    """The sweep as its events tell it; `trials` in order of their first start, `samples` from slot to trial as drawn.

    `sampled_values` are the values of every drawn trial, `refusals` the events of values that were drawn for a slot in vain, `seconds`
    the time that drivers were at work; `drivers` are their events, and `has_ended` says whether the newest has told its end (clocks may be
    set back between two events: their order tells it, not their times). Once a driver has an evaluation, `measured_since` is its time, and
    `steps_before` every trial's step that was reached before (of a trial that ran then, the first that it told of): what came later
    shows its pace, without the start of Ray and of the first workers.
    """

    trials: dict[str, TrialRecord] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)
    sampled_values: dict[str, dict[str, Any]] = field(default_factory=dict)
    refusals: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    seconds: float = 0.0
    last_time: datetime | None = None
    finalists: list[str] | None = None
    baseline: str | None = None
    drivers: list[dict[str, Any]] = field(default_factory=list)
    endings: list[dict[str, Any]] = field(default_factory=list)
    has_ended: bool = False


def read_events(path: Path) -> tuple[list[dict[str, Any]], int]:
    """All whole events, and the length in bytes of the part that holds them (shorter than the file when its last line is torn).

    Raises `DamagedLedger` for a damaged line that is not the last.
    """
    content = path.read_bytes() if path.exists() else b""
    events: list[dict[str, Any]] = []
    length = 0
    lines = content.splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        event = parse_event(line)
        if event is None:
            if number == len(lines):
                break
            raise DamagedLedger(f"{path}, line {number}: not an event; the ledger is damaged in the middle and is left as it is")
        events.append(event)
        length += len(line)
    return events, length


def parse_event(line: bytes) -> dict[str, Any] | None:
    """The event of a whole line; None for a torn or foreign one."""
    if not line.endswith(b"\n"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def replay(events: Iterable[Event]) -> SweepState:
    """The state after `events`; unknown events are passed over, so that an older reader survives a newer ledger.

    Raises `DamagedLedger` for an event that lacks what it should tell, or tells it of no known trial.
    """
    state = SweepState()
    for number, event in enumerate(events, 1):
        try:
            apply(state, event)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamagedLedger(
                f"line {number}: not a whole event ({error!r}); the ledger is damaged there and is left as it is"
            ) from error
    return state


def apply(state: SweepState, event: Event) -> None:
    """Moves `state` by one event."""
    time = datetime.fromisoformat(event["time"])
    if state.last_time is not None and event["event"] != "driver_started":
        state.seconds += max(0.0, (time - state.last_time).total_seconds())
    action = _APPLY.get(event["event"])
    if action is not None:
        action(state, event)
    state.last_time = time


def _driver_started(state: SweepState, event: Event) -> None:
    """A new driver finds what the one before left running, and gives failed trials a new chance."""
    state.drivers.append(dict(event))
    state.has_ended = False
    for record in state.trials.values():
        record.failures = 0
        if record.status == Status.RUNNING:
            record.status, record.stop_reason = Status.INTERRUPTED, "the driver ended"
            _count_time(record, state.last_time)


def _sampled(state: SweepState, event: Event) -> None:
    state.samples[event["slot"]] = event["trial"]
    state.sampled_values[event["trial"]] = dict(event["values"])


def _refused(state: SweepState, event: Event) -> None:
    state.refusals.setdefault(event["slot"], []).append(dict(event))


def _driver_ended(state: SweepState, event: Event) -> None:
    state.endings.append(dict(event))
    state.has_ended = bool(state.drivers)


def _trial_started(state: SweepState, event: Event) -> None:
    names = ("trial", "stage", "cell", "seed", "values", "overrides", "run_id")
    record = state.trials.get(event["trial"])
    if record is None:
        record = TrialRecord(**{name: event[name] for name in names}, started=event["time"])
        state.trials[record.trial] = record
    record.attempt, record.resumed = event["attempt"], event["time"]
    record.overrides = list(event["overrides"])
    record.status, record.stop_reason, record.error, record.ended = Status.RUNNING, None, None, None


def _evaluated(state: SweepState, event: Event) -> None:
    record = state.trials[event["trial"]]
    record.evaluations[event["step"]] = dict(event["metrics"])
    if event["step"] < record.step:
        record.evaluations = dict(sorted(record.evaluations.items()))
    record.step = max(record.step, event["step"])
    if state.drivers:
        _measure(state.drivers[-1], state, event)


def _measure(driver: dict[str, Any], state: SweepState, event: Event) -> None:
    """Remembers where the driver's pace is measured from."""
    if "measured_since" not in driver:
        driver["measured_since"] = event["time"]
        running = {record.trial for record in state.trials.values() if record.status == Status.RUNNING}
        driver["steps_before"] = {name: None if name in running else record.step for name, record in state.trials.items()}
    if driver["steps_before"].get(event["trial"], 0) is None:
        driver["steps_before"][event["trial"]] = event["step"]


def _rung(state: SweepState, event: Event) -> None:
    record = state.trials[event["trial"]]
    record.rungs = [rung for rung in record.rungs if rung["level"] != event["level"]] + [dict(event)]


def _exploited(record: TrialRecord, event: Event) -> None:
    record.lineage.append(dict(event))
    record.cell, record.values, record.overrides = event["cell"], dict(event["values"]), list(event["overrides"])


def _trial_ended(state: SweepState, event: Event) -> None:
    record = state.trials[event["trial"]]
    record.status, record.ended = event["status"], event["time"]
    record.stop_reason, record.error = event.get("stop_reason"), event.get("error")
    record.endings.append(event["status"])
    _count_time(record, datetime.fromisoformat(event["time"]))
    record.failures += event["status"] == Status.FAILED
    if event.get("rung"):
        _rung(state, {"trial": record.trial, **event["rung"]})
    if event.get("exploited"):
        _exploited(record, event["exploited"])


def _count_time(record: TrialRecord, until: datetime | None) -> None:
    if until is not None:
        record.busy_seconds += max(0.0, (until - datetime.fromisoformat(record.resumed)).total_seconds())


def _stage_ended(state: SweepState, event: Event) -> None:
    state.finalists, state.baseline = list(event["finalists"]), event.get("baseline")


_APPLY = {
    "driver_started": _driver_started,
    "driver_ended": _driver_ended,
    "trial_started": _trial_started,
    "evaluated": _evaluated,
    "rung": _rung,
    "refused": _refused,
    "sampled": _sampled,
    "trial_ended": _trial_ended,
    "stage_ended": _stage_ended,
}


def curve(record: TrialRecord, metric: str) -> Iterator[tuple[int, float | None]]:
    """(step, value) of one metric, by step; None where it was not measured."""
    for step, metrics in sorted(record.evaluations.items()):
        yield step, metrics.get(metric)
