"""Reads a ledger for the analysis: everything that can be read, and a note on what cannot."""

from pathlib import Path
from typing import Any

from analysis.json_text import from_json
from trainable.spec.ledger import SweepState, apply

_NUMBER = frozenset[type]({int, float, type(None)})
_TYPES: dict[str, frozenset[type]] = {
    **dict.fromkeys(("event", "time", "trial", "cell", "stage", "run_id", "status"), frozenset({str})),
    **dict.fromkeys(("seed", "attempt", "step", "level"), frozenset({int})),
    **dict.fromkeys(("values", "metrics"), frozenset({dict})),
    **dict.fromkeys(("overrides", "finalists"), frozenset({list})),
    **dict.fromkeys(("value", "cutoff"), _NUMBER),
    **dict.fromkeys(("stop_reason", "error"), frozenset({str, type(None)})),
}
_INT64 = 2**63


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
        event = from_json(line)
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
        kinds = _TYPES.get(name)
        if kinds is not None and (type(value) not in kinds or (type(value) is int and not -_INT64 <= value < _INT64)):
            return False
    if not (event.get("trial", True) and event.get("cell", True) and event.get("run_id", True)):
        return False
    return "finalists" not in event or all(isinstance(cell, str) for cell in event["finalists"])
