"""How long a sweep will still take: the tokens that are left, at the pace since its driver's first evaluation; pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import fmean
from typing import Any

from sweeps.runner.outlook import UNFINISHED, Outlook
from trainable.spec.ledger import TrialRecord
from trainable.spec.status import Stage

# The factors of a run's tokens.
_STEPS = "training.max_steps"
_PER_STEP = ("training.batch_size", "model.context_length")
# How many ended trials what was expected of a trial weighs.
_EXPECTATION_COUNTS = 3


def seconds_left(outlook: Outlook, now: datetime) -> float | None:
    """None before there is a pace, and when nothing is left; a budget of time ends the sweep earlier."""
    spent = _seconds_per_token(outlook, now)
    left = tokens_left(outlook)
    if outlook.has_ended or spent is None or left is None or left <= 0:
        return None
    minutes = outlook.limits.get("minutes")
    allowed = [] if minutes is None else [max(0.0, minutes - outlook.spent(now)["minutes"]) * 60]
    return min(spent * left, *allowed) if allowed else spent * left


def tokens_left(outlook: Outlook) -> float | None:
    """None where the ledger does not tell what was planned."""
    if outlook.state.finalists is not None and outlook.expected("explore_trials") != 0:
        return _left_to_confirm(outlook)
    expected = _expected_tokens(outlook)
    if expected is None:
        return None
    explored = [record for record in outlook.state.trials.values() if record.stage == Stage.EXPLORE]
    confirmed = sum(_accounted(outlook, record) for record in outlook.state.trials.values() if record.stage == Stage.CONFIRM)
    to_confirm = _whole_runs(outlook, explored) * (outlook.planned(Stage.CONFIRM) or 0)
    planned = outlook.planned(Stage.EXPLORE) or 0
    if not planned:
        return expected - confirmed
    return _left_to_explore(outlook, explored, planned, max(0.0, expected - to_confirm) / planned) + to_confirm - confirmed


def _left_to_explore(outlook: Outlook, explored: Sequence[TrialRecord], planned: int, expected: float) -> float:
    """Trials that have ended show what the next will take, the more of them the better; `expected` tokens count like a few."""
    spent = [_accounted(outlook, record) for record in explored if record.status not in UNFINISHED]
    each = (expected * _EXPECTATION_COUNTS + sum(spent)) / (_EXPECTATION_COUNTS + len(spent))
    going = [max(0.0, each - _accounted(outlook, record)) for record in explored if record.status in UNFINISHED]
    return each * max(0, planned - len(explored)) + sum(going)


def _whole_runs(outlook: Outlook, explored: Sequence[TrialRecord]) -> float:
    """Tokens of a run that is confirmed: their mean over what was drawn so far."""
    return fmean(_run_tokens(outlook, record.values) for record in explored) if explored else _run_tokens(outlook, {})


def _left_to_confirm(outlook: Outlook) -> float:
    """Of the cells that have been chosen."""
    records = outlook.state.trials.values()
    values: dict[str | None, Mapping[str, Any]] = {record.cell: record.values for record in records}
    cells = {*(outlook.state.finalists or ()), outlook.baseline_cell} - {None}
    planned = sum(_run_tokens(outlook, values.get(cell, outlook.statement.baseline_values)) for cell in cells)
    done = sum(_accounted(outlook, record) for record in records if record.stage == Stage.CONFIRM)
    return planned * len(outlook.statement.seeds) - done


def _seconds_per_token(outlook: Outlook, now: datetime) -> float | None:
    driver = outlook.state.drivers[-1] if outlook.state.drivers else {}
    if "measured_since" not in driver:
        return None
    before: Mapping[str, int | None] = driver["steps_before"]
    tokens = 0.0
    for name, record in outlook.state.trials.items():
        step = before.get(name, 0)
        tokens += 0 if step is None else (record.step - step) * _step_tokens(outlook, record.values)
    seconds = (now - datetime.fromisoformat(driver["measured_since"])).total_seconds()
    return seconds / tokens if tokens > 0 and seconds > 0 else None  # a clock that was set back shows no pace


def _accounted(outlook: Outlook, record: TrialRecord) -> float:
    """What need not be trained any more: all of a run that has ended with the confirmation, else what was trained."""
    over = record.stage == Stage.CONFIRM and record.status not in UNFINISHED
    return _run_tokens(outlook, record.values) if over else record.step * _step_tokens(outlook, record.values)


def _expected_tokens(outlook: Outlook) -> float | None:
    tokens, steps = outlook.expected("tokens"), outlook.expected("steps")
    return tokens if tokens is not None else None if steps is None else steps * _step_tokens(outlook, {})


def _run_tokens(outlook: Outlook, values: Mapping[str, Any]) -> float:
    return float(_value(outlook, values, _STEPS) or outlook.statement.max_steps) * _step_tokens(outlook, values)


def _step_tokens(outlook: Outlook, values: Mapping[str, Any]) -> float:
    tokens = 1.0
    for key in _PER_STEP:
        tokens *= _value(outlook, values, key) or 1
    return tokens


def _value(outlook: Outlook, values: Mapping[str, Any], key: str) -> Any:
    """A trial's own value, else the one that all share."""
    group, _, name = key.partition(".")
    return values.get(key, outlook.statement.base_config.get(group, {}).get(name))
