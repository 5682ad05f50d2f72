"""What a searcher knows of one trial: its values, how far it came, and how it ended."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeGuard

from trainable.spec.ledger import TrialRecord
from trainable.spec.status import Status

INFEASIBLE = frozenset({Status.DIVERGED, Status.OUT_OF_MEMORY})
# A trial that a driver left, or that waits for its promotion, is trained on: to a searcher it runs.
_RUNS = frozenset({Status.RUNNING, Status.PAUSED, Status.INTERRUPTED})


@dataclass(frozen=True)
class Observation:
    """`evaluations` maps steps to the objectives' values, in the order of the sweep's metrics; None where one is missing."""

    trial: str
    values: Mapping[str, Any]
    status: Status = Status.RUNNING
    evaluations: Mapping[int, tuple[float | None, ...]] = field(default_factory=dict)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None

    def final(self) -> list[float] | None:
        """The objectives at the last evaluation; None unless all of them are finite there."""
        last = self.evaluations[max(self.evaluations)] if self.evaluations else ()
        finite = [value for value in last if _is_finite(value)]
        return finite if finite and len(finite) == len(last) else None

    def curve(self) -> dict[int, float]:
        """The first objective by step, without what is missing or not finite."""
        return {step: values[0] for step, values in sorted(self.evaluations.items()) if _is_finite(values[0])}


def _is_finite(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def observe(record: TrialRecord, metrics: Sequence[str], values: Mapping[str, Any] | None = None) -> Observation:
    """`values` are those the trial was drawn with, where they are known apart from its present ones."""
    status = Status(record.status)
    return Observation(
        trial=record.trial,
        values=dict(record.values if values is None else values),
        status=Status.RUNNING if status in _RUNS else status,
        evaluations={step: objectives(found, metrics) for step, found in record.evaluations.items()},
        started=_time(record.started) or datetime.now(UTC),
        ended=_time(record.ended),
    )


def objectives(found: Mapping[str, float | None], metrics: Sequence[str]) -> tuple[float | None, ...]:
    return tuple(found.get(metric) for metric in metrics)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
