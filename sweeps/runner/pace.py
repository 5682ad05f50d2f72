"""How long a sweep will still take: the tokens that are left, at the pace since its driver's first evaluation; pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sweeps.runner.outlook import UNFINISHED, Outlook
from trainable.spec.ledger import TrialRecord
from trainable.spec.status import Stage

# The factors of a run's tokens.
_STEPS = "training.max_steps"
_PER_STEP = ("training.batch_size", "model.context_length")


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
    records = outlook.state.trials.values()
    if outlook.state.finalists is None or outlook.expected("explore_trials") == 0:
        expected = _expected_tokens(outlook)
        return None if expected is None else expected - sum(_accounted(outlook, record) for record in records)
    confirmed = [record for record in records if record.stage == Stage.CONFIRM]
    values: dict[str | None, Mapping[str, Any]] = {record.cell: record.values for record in records}
    cells = {*outlook.state.finalists, outlook.baseline_cell} - {None}
    planned = sum(_run_tokens(outlook, values.get(cell, outlook.statement.baseline_values)) for cell in cells)
    return planned * len(outlook.statement.seeds) - sum(_accounted(outlook, record) for record in confirmed)


def _seconds_per_token(outlook: Outlook, now: datetime) -> float | None:
    driver = outlook.state.drivers[-1] if outlook.state.drivers else {}
    if "measured_since" not in driver:
        return None
    before: Mapping[str, int | None] = driver["steps_before"]
    tokens = 0.0
    for name, record in outlook.state.trials.items():
        step = before.get(name, 0)
        tokens += 0 if step is None else (record.step - step) * _step_tokens(outlook, record.values)
    return (now - datetime.fromisoformat(driver["measured_since"])).total_seconds() / tokens if tokens > 0 else None


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
