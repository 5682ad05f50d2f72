"""Reads a ledger for the analysis: everything that can be read, and a note on what cannot."""

import json
from pathlib import Path
from typing import Any

from trainable.spec.ledger import SweepState, apply

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
    """The state after every event that is whole and of the right form, and a note for the lines that are not.

    Reads one line at a time. Of a last line without its end it is said that it is torn.
    """
    state, damaged, torn = SweepState(), list[int](), False
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                torn = not line.endswith(b"\n")
                if not torn and not _moved(state, line):
                    damaged.append(number)
    except FileNotFoundError:
        return state, [f"{path.name} is missing: no trial is known"]
    except OSError as error:
        return state, [f"{path.name} cannot be read ({error.strerror}): what it says is not part of this report"]
    return state, [*_damage(damaged), *([f"the last line of {path.name} is torn and was passed over"] if torn else [])]


def _moved(state: SweepState, line: bytes) -> bool:
    """Moves `state` by the event in `line`; False when there is no sound one."""
    try:
        event = json.loads(line)
        if not _is_sound(event):
            return False
        apply(state, event)
    except (KeyError, TypeError, ValueError, RecursionError):
        return False
    return True


def _damage(lines: list[int]) -> list[str]:
    shown = ", ".join(map(str, lines[:20])) + (", ..." if len(lines) > 20 else "")
    return [f"the ledger is damaged in line {shown}: what stood there is not part of this report"] if lines else []


def _is_sound(event: Any) -> bool:
    """Whether every field that the analysis builds on is of its type."""
    if not isinstance(event, dict) or "event" not in event:
        return False
    for name, value in event.items():
        kind = _TYPES.get(name)
        if kind is not None and not _fits(value, kind):
            return False
    named = all(event.get(name, True) for name in ("trial", "cell", "run_id"))
    return named and all(isinstance(cell, str) for cell in event.get("finalists", []))


def _fits(value: Any, kind: type | tuple[type, ...]) -> bool:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return False
    return isinstance(value, kind) and not isinstance(value, bool)
