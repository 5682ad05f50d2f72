"""Where the two witnesses of a trial, the ledger and the run directory, disagree. Reported, never chosen away."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trainable.spec.ledger import TrialRecord
from trainable.spec.status import Status

_ENDED_AT_A_STEP = frozenset({Status.COMPLETED, Status.STOPPED_EARLY})
_ABSENT = object()


@dataclass(frozen=True)
class Disagreement:
    """A fact that both tell differently, and the metrics of ``summary.json`` that say nothing certain because of it."""

    sentence: str
    metrics: frozenset[str] = frozenset()


def disagreements(record: TrialRecord, summary: Mapping[str, Any]) -> Iterator[Disagreement]:
    """Each fact that `summary` (``summary.json``) tells otherwise than the ledger's `record`.

    A summary of another cell, seed, configuration or (of a trial that has ended) step has no metric that could be the trial's.
    """
    metrics = summary.get("metrics")
    every = frozenset(metrics) if isinstance(metrics, dict) else frozenset[str]()
    for name, said in (("status", record.status), ("attempt", record.attempt), ("cell", record.cell), ("seed", record.seed)):
        if name in summary and summary[name] != said:
            yield Disagreement(f"{name}: ledger {said}, summary.json {summary[name]}", every if name in ("cell", "seed") else frozenset())
    for sentence in _about_steps(record, summary):
        yield Disagreement(sentence, every if record.status in _ENDED_AT_A_STEP else frozenset())
    yield from _about_metrics(record, summary)
    if not record.lineage:
        yield from (Disagreement(sentence, every) for sentence in _about_values(record.values, summary.get("config")))


def about_curve(record: TrialRecord, curve: Mapping[int, float], metric: str) -> str | None:
    """Where `curve` (``metrics.csv``, step to finite value) tells the evaluations otherwise than the ledger; None where it does not."""
    told = ((step, metrics.get(metric)) for step, metrics in record.evaluations.items())
    other = [(step, value) for step, value in told if value is not None and step in curve and curve[step] != value]
    if not other or record.lineage:
        return None
    step, value = other[-1]
    more = f", and {len(other) - 1} evaluations before it" if len(other) > 1 else ""
    return f"{metric} at step {step}: ledger {value}, metrics.csv {curve[step]}{more}"


def _about_steps(record: TrialRecord, summary: Mapping[str, Any]) -> Iterator[str]:
    """Between evaluations a run is ahead of the ledger; it is never behind, and at a regular end both agree."""
    step = summary.get("step")
    if not isinstance(step, int) or not record.step:
        return
    if step < record.step or (step > record.step and record.status in _ENDED_AT_A_STEP):
        yield f"step: ledger {record.step}, summary.json {step}"


def _about_metrics(record: TrialRecord, summary: Mapping[str, Any]) -> Iterator[Disagreement]:
    metrics = summary.get("metrics")
    if summary.get("step") != record.step or not isinstance(metrics, dict):
        return
    for name, reported in record.evaluations.get(record.step, {}).items():
        written = metrics.get(name)
        if reported is not None and written is not None and reported != written:
            yield Disagreement(f"{name} at step {record.step}: ledger {reported}, summary.json {written}", frozenset({name}))


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
