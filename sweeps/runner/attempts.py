"""A trial's start, and whether one that did not come to its end gets another: pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sweeps.runner.blueprint import Blueprint
from trainable.spec.ledger import TrialRecord
from trainable.spec.status import Stage, Status


@dataclass(frozen=True)
class Start:
    """Run this trial; `micro_batch_size` is given when it ran out of memory before, `attempt` counts from 1.

    `trial` is its name when it ran before: its values may have changed since (population-based training), its name stays.
    """

    stage: Stage
    seed: int
    values: Mapping[str, Any] = field(hash=False)
    attempt: int = 1
    micro_batch_size: int | None = None
    trial: str | None = None


def run_again(blueprint: Blueprint, record: TrialRecord, retry: Collection[Status]) -> Start | None:
    """Another attempt for a trial that did not come to its end; `retry` are the ended statuses that are run again."""
    status = Status(record.status)
    if status == Status.OUT_OF_MEMORY and record.endings.count(Status.OUT_OF_MEMORY) == 1:
        return _halved(blueprint, record)
    if status == Status.FAILED and record.failures:
        return run_on(record) if record.failures <= blueprint.base.resources.max_failures else None
    return run_on(record) if status in retry else None


def run_on(record: TrialRecord) -> Start:
    """The next attempt, as the one before was run."""
    micro = micro_batch_of(record.overrides)
    return Start(Stage(record.stage), record.seed, record.values, record.attempt + 1, micro, record.trial)


def _halved(blueprint: Blueprint, record: TrialRecord) -> Start | None:
    """The same global batch in micro-batches of half the size; None when it cannot be halved."""
    training = blueprint.config(record.values, record.seed).training
    size = micro_batch_of(record.overrides) or training.micro_batch_size or training.batch_size
    half = next((smaller for smaller in range(size // 2, 0, -1) if training.batch_size % smaller == 0), None)
    return None if half is None else replace(run_on(record), micro_batch_size=half)


def micro_batch_of(overrides: Collection[str]) -> int | None:
    """The micro-batch size that a trial's overrides end with, if they name one."""
    sizes = [text.partition("=")[2] for text in overrides if text.startswith("training.micro_batch_size=")]
    return int(sizes[-1]) if sizes else None
