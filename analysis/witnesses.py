"""Where the two witnesses of a trial, the ledger and the run directory, disagree. Reported, never chosen away."""

from collections.abc import Iterator, Mapping
from typing import Any

from trainable.spec.ledger import TrialRecord
from trainable.spec.status import Status

_ENDED_AT_A_STEP = frozenset({Status.COMPLETED, Status.STOPPED_EARLY})
_ABSENT = object()


def disagreements(record: TrialRecord, summary: Mapping[str, Any], metric: str) -> Iterator[str]:
    """One sentence for each fact that `summary` (``summary.json``) tells otherwise than the ledger's `record`."""
    for name, said in (("status", record.status), ("attempt", record.attempt), ("cell", record.cell), ("seed", record.seed)):
        if name in summary and summary[name] != said:
            yield f"{name}: ledger {said}, summary.json {summary[name]}"
    yield from _about_steps(record, summary)
    yield from _about_the_metric(record, summary, metric)
    if not record.lineage:
        yield from _about_values(record.values, summary.get("config"))


def _about_steps(record: TrialRecord, summary: Mapping[str, Any]) -> Iterator[str]:
    """Between evaluations a run is ahead of the ledger; it is never behind, and at a regular end both agree."""
    step = summary.get("step")
    if not isinstance(step, int) or not record.step:
        return
    if step < record.step or (step > record.step and record.status in _ENDED_AT_A_STEP):
        yield f"step: ledger {record.step}, summary.json {step}"


def _about_the_metric(record: TrialRecord, summary: Mapping[str, Any], metric: str) -> Iterator[str]:
    metrics = summary.get("metrics")
    if summary.get("step") != record.step or not isinstance(metrics, dict):
        return
    reported, written = record.evaluations.get(record.step, {}).get(metric), metrics.get(metric)
    if reported is not None and written is not None and reported != written:
        yield f"{metric} at step {record.step}: ledger {reported}, summary.json {written}"


def _about_values(values: Mapping[str, Any], config: Any) -> Iterator[str]:
    for key, value in values.items():
        used = _look_up(config, key)
        if used is not _ABSENT and not isinstance(used, dict) and used != value:
            yield f"{key}: ledger {value}, configuration of the run {used}"


def _look_up(config: Any, key: str) -> Any:
    """The value at a dotted key; _ABSENT when the configuration has no such key."""
    for part in key.split("."):
        if not isinstance(config, dict) or part not in config:
            return _ABSENT
        config = config[part]
    return config
