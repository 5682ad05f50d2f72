"""Reads a ledger for the analysis: everything that can be read, and a note on what cannot."""

import json
from pathlib import Path
from typing import Any

from trainable.spec.ledger import DamagedLedger, SweepState, apply, read_events

_NUMBER = (int, float, type(None))
_TYPES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("event", "time", "trial", "cell", "stage", "run_id", "status"), str),
    **dict.fromkeys(("seed", "attempt", "step", "level"), int),
    **dict.fromkeys(("values", "metrics"), dict),
    **dict.fromkeys(("overrides", "finalists"), list),
    **dict.fromkeys(("value", "cutoff"), _NUMBER),
    **dict.fromkeys(("stop_reason", "error"), (str, type(None))),
}


def read_ledger(path: Path) -> tuple[SweepState, list[str]]:
    """The state after every event that is whole and of the right form, and a note for the lines that are not."""
    if not path.exists():
        return SweepState(), [f"{path.name} is missing: no trial is known"]
    try:
        events, length = read_events(path)
    except DamagedLedger:
        return _replay(_each_line(path.read_bytes()))
    state, notes = _replay(events)
    torn = [f"the last line of {path.name} is torn and was passed over"] if length < path.stat().st_size else []
    return state, [*notes, *torn]


def _each_line(content: bytes) -> list[Any]:
    """The event of each line; None for a line that holds none."""
    events: list[Any] = []
    for line in content.splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:
            events.append(None)
    return events


def _replay(events: list[Any]) -> tuple[SweepState, list[str]]:
    state, damaged = SweepState(), []
    for number, event in enumerate(events, 1):
        try:
            if not _is_sound(event):
                raise ValueError
            apply(state, event)
        except (KeyError, TypeError, ValueError):
            damaged.append(number)
    lines = ", ".join(map(str, damaged[:20])) + (", ..." if len(damaged) > 20 else "")
    return state, [f"the ledger is damaged in line {lines}: what stood there is not part of this report"] if damaged else []


def _is_sound(event: Any) -> bool:
    """Whether every field that the analysis builds on is of its type."""
    if not isinstance(event, dict) or "event" not in event:
        return False
    if not all(_fits(event[name], kind) for name, kind in _TYPES.items() if name in event):
        return False
    named = all(event.get(name, True) for name in ("trial", "cell", "run_id"))
    return named and all(isinstance(cell, str) for cell in event.get("finalists", []))


def _fits(value: Any, kind: type | tuple[type, ...]) -> bool:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return False
    return isinstance(value, kind) and not isinstance(value, bool)
