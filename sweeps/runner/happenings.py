"""What happened in a sweep that needs a word: trials that were stopped, died or run again, draws that were refused."""

from dataclasses import dataclass

from sweeps.runner.trial_table import values_text
from trainable.spec.ledger import SweepState, TrialRecord
from trainable.spec.status import Status


@dataclass(frozen=True, order=True)
class Happening:
    """`time` is ISO 8601, UTC, as in the ledger."""

    time: str
    text: str


def happenings(state: SweepState) -> list[Happening]:
    """Oldest first: endings that have a reason, and every attempt after the first that is at work."""
    found = [Happening(r.ended, _ending(r)) for r in state.trials.values() if r.ended and r.stop_reason]
    again = [r for r in state.trials.values() if r.status == Status.RUNNING and r.attempt > 1]
    return sorted([*found, *(Happening(r.resumed, _again(r)) for r in again), *refusals(state)])


def refusals(state: SweepState) -> list[Happening]:
    """Values that were drawn and break a rule; others were drawn in their place."""
    events = [event for slot in state.refusals.values() for event in slot]
    return [Happening(e["time"], f"drawn and refused: {values_text(e['values'])}: {'; '.join(e['mistakes'])}") for e in events]


def _ending(record: TrialRecord) -> str:
    """What is short comes first: the end of a long line may not be seen."""
    if record.status in (Status.STOPPED_EARLY, Status.PAUSED):
        return f"{record.stop_reason}{_numbers(record)}: {_name(record)}"
    return f"{record.status.replace('_', ' ')}: {_name(record)}: {record.stop_reason}"


def _numbers(record: TrialRecord) -> str:
    """Those of the rung that a scheduler ended the trial at."""
    rung = record.rungs[-1] if record.rungs else None
    if rung is None or rung["decision"] == "continue" or rung["value"] is None or rung["cutoff"] is None:
        return ""
    return f" with {rung['value']:.4g} against {rung['cutoff']:.4g}"


def _again(record: TrialRecord) -> str:
    before = f" after {record.endings[-1].replace('_', ' ')}" if record.endings else ""
    return f"attempt {record.attempt}{before}, from step {record.step}: {_name(record)}"


def _name(record: TrialRecord) -> str:
    return f"{values_text(record.values)} seed {record.seed}"
