"""What to run next: a pure function of the blueprint and the ledger's state."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sweeps.runner.blueprint import Blueprint
from sweeps.runner.schedulers.rule import Curve, Rule
from sweeps.runner.searchers.searcher import Slot
from trainable.spec.ledger import SweepState, TrialRecord, curve
from trainable.spec.status import Stage, Status

_DEAD = frozenset({Status.DIVERGED, Status.FAILED, Status.OUT_OF_MEMORY})
_FULL = frozenset({Status.COMPLETED})


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


@dataclass(frozen=True)
class Sample:
    """Draw values for this slot of the exploration."""

    slot: Slot


@dataclass(frozen=True)
class Conclude:
    """The exploration is over: these cells go on, best first."""

    finalists: tuple[str, ...]


@dataclass(frozen=True)
class Wait:
    """Nothing can start until a running trial ends."""


@dataclass(frozen=True)
class Finished:
    """Nothing is left to run; `cut` says what the budget did not allow."""

    cut: str | None = None


Action = Start | Sample | Conclude | Wait | Finished


@dataclass(frozen=True)
class Limits:
    """`retry` are the ended statuses that this driver runs again; `spent` says which budget is used up, None while there is some left."""

    retry: frozenset[Status] = frozenset({Status.FAILED, Status.INTERRUPTED})
    spent: str | None = None
    retried: Collection[str] = ()


def next_action(blueprint: Blueprint, state: SweepState, rule: Rule, limits: Limits) -> Action:
    """The first thing that is missing: unfinished trials, then promotions, samples, the confirmation."""
    running = any(record.status == Status.RUNNING for record in state.trials.values())
    wanted = _next_trial(blueprint, state, rule, limits)
    if isinstance(wanted, Start | Sample) and limits.spent:
        return (
            Wait()
            if running
            else Finished(f"{limits.spent} is used up; what was not run continues by the same command with a larger budget")
        )
    if wanted is not None:
        return wanted
    return Wait() if running else Finished()


def _next_trial(blueprint: Blueprint, state: SweepState, rule: Rule, limits: Limits) -> Action | None:
    wanted = wanted_trials(blueprint, state)
    for record in state.trials.values():
        if record.trial in wanted and (again := _run_again(blueprint, record, limits)):
            return again
    for trial in state.samples.values():
        if trial in wanted and trial not in state.trials:
            return Start(Stage.EXPLORE, blueprint.settings.explore.seed, state.sampled_values[trial])
    free = [slot for slot in blueprint.slots if slot.id not in state.samples]
    explored = [r for r in state.trials.values() if r.trial in wanted and r.stage == Stage.EXPLORE]
    if promoted := rule.promote(curves(explored, blueprint.metric), blueprint.race, exhausted=not free):
        return _continue(state.trials[promoted])
    if free:
        return Sample(free[0])
    if any(record.status == Status.RUNNING for record in explored):
        # Idle slots confirm the baseline meanwhile: it is needed whatever the exploration finds.
        return next(_missing_confirmations(blueprint, state, [blueprint.baseline_cell]), None)
    finalists = rank_finalists(blueprint, explored)
    if state.finalists is None or tuple(state.finalists) != finalists:
        return Conclude(finalists)
    return next(_missing_confirmations(blueprint, state, [blueprint.baseline_cell, *finalists]), None)


def _run_again(blueprint: Blueprint, record: TrialRecord, limits: Limits) -> Start | None:
    """Another attempt for a trial that did not come to its end."""
    status = Status(record.status)
    if status == Status.OUT_OF_MEMORY and record.endings.count(Status.OUT_OF_MEMORY) == 1:
        return _halved(blueprint, record)
    if status == Status.FAILED and record.failures:
        return _continue(record) if record.failures <= blueprint.base.resources.max_failures else None
    return _continue(record) if status in limits.retry and record.trial not in limits.retried else None


def _continue(record: TrialRecord) -> Start:
    micro = micro_batch_of(record.overrides)
    return Start(Stage(record.stage), record.seed, record.values, record.attempt + 1, micro, record.trial)


def _halved(blueprint: Blueprint, record: TrialRecord) -> Start | None:
    """The same global batch in micro-batches of half the size; None when it cannot be halved."""
    training = blueprint.config(record.values, record.seed).training
    size = micro_batch_of(record.overrides) or training.micro_batch_size or training.batch_size
    half = next((smaller for smaller in range(size // 2, 0, -1) if training.batch_size % smaller == 0), None)
    return None if half is None else replace(_continue(record), micro_batch_size=half)


def micro_batch_of(overrides: Collection[str]) -> int | None:
    """The micro-batch size that a trial's overrides end with, if they name one."""
    sizes = [text.partition("=")[2] for text in overrides if text.startswith("training.micro_batch_size=")]
    return int(sizes[-1]) if sizes else None


def wanted_trials(blueprint: Blueprint, state: SweepState) -> set[str]:
    """The trials of the ledger that the sweep, as it is asked for now, still wants; all others are kept and not continued."""
    drawn = {state.samples[slot.id] for slot in blueprint.slots if slot.id in state.samples}
    cells, seeds = {blueprint.baseline_cell, *(state.finalists or ())}, set(blueprint.settings.sweep.seeds)
    confirmed = (r for r in state.trials.values() if r.stage == Stage.CONFIRM)
    return drawn | {r.trial for r in confirmed if r.cell in cells and r.seed in seeds}


def _missing_confirmations(blueprint: Blueprint, state: SweepState, cells: list[str]) -> Iterator[Start]:
    """Seed by seed, so that a budget that ends early leaves whole pairs."""
    values = {record.cell: record.values for record in state.trials.values()}
    values[blueprint.baseline_cell] = blueprint.sweep.baseline
    for seed in blueprint.settings.sweep.seeds:
        for cell in dict.fromkeys(cells):
            if f"{cell}-s{seed}" not in state.trials:
                yield Start(Stage.CONFIRM, seed, values[cell])


def curves(records: Collection[TrialRecord], metric: str) -> dict[str, Curve]:
    """What a scheduler may see of the trials."""
    return {
        record.trial: Curve(
            points=tuple(curve(record, metric)),
            alive=record.status not in _DEAD,
            decided={rung["level"]: rung["decision"] for rung in record.rungs},
            values=record.values,
            ended=record.status not in (Status.RUNNING, Status.PAUSED, Status.INTERRUPTED),
            paused=record.status == Status.PAUSED,
        )
        for record in records
    }


def rank_finalists(blueprint: Blueprint, explored: Collection[TrialRecord]) -> tuple[str, ...]:
    """The best cells beside the baseline, best first: further in training before less far, then by the metric, ties by cell."""
    sign = -1.0 if blueprint.higher_is_better else 1.0

    def rank(record: TrialRecord) -> tuple[bool, int, float, str]:
        value = last_value(record, blueprint.metric)
        return (record.status not in _FULL, -record.step, math.inf if value is None else sign * value, record.cell)

    alive = [r for r in explored if r.status not in _DEAD and last_value(r, blueprint.metric) is not None]
    cells = dict.fromkeys(r.cell for r in sorted(alive, key=rank) if r.cell != blueprint.baseline_cell)
    return tuple(cells)[: blueprint.settings.confirm.finalists]


def last_value(record: TrialRecord, metric: str) -> float | None:
    """The last finite value of a metric."""
    values = [value for _, value in curve(record, metric) if value is not None and math.isfinite(value)]
    return values[-1] if values else None
