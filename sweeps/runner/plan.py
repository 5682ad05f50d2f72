"""What to run next: a pure function of the blueprint and the ledger's state."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sweeps.runner.blueprint import Blueprint
from sweeps.runner.ranking import DEAD, best_cell, finalists, group_of, has_values
from sweeps.runner.schedulers.rule import Curve, Rule
from sweeps.runner.searchers.searcher import Slot
from trainable.spec.identity import TrialKey
from trainable.spec.ledger import SweepState, TrialRecord, curve
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


@dataclass(frozen=True)
class Sample:
    """Draw values for this slot of the exploration."""

    slot: Slot


@dataclass(frozen=True)
class Conclude:
    """The exploration is over: these cells go on, best first, beside the baseline."""

    finalists: tuple[str, ...]
    baseline: str | None


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
    """`retry` are the ended statuses that this driver runs again.

    `spent` and `full` name a budget that is used up: with `spent` nothing starts, with `full` no trial that had not started before.
    """

    retry: frozenset[Status] = frozenset({Status.FAILED, Status.INTERRUPTED})
    spent: str | None = None
    full: str | None = None
    retried: Collection[str] = ()


def next_action(blueprint: Blueprint, state: SweepState, rule: Rule, limits: Limits) -> Action:
    """The first thing that is missing: unfinished trials, then promotions, samples, the confirmation."""
    running = any(record.status == Status.RUNNING for record in state.trials.values())
    wanted = _next_trial(blueprint, state, rule, limits)
    is_new = isinstance(wanted, Sample) or (isinstance(wanted, Start) and wanted.trial is None)
    used_up = (limits.spent if isinstance(wanted, Start | Sample) else None) or (limits.full if is_new else None)
    if used_up:
        cut = f"{used_up} is used up; what was not run continues by the same command with a larger budget"
        return Wait() if running else Finished(cut)
    if wanted is None:
        return Wait() if running else Finished()
    return wanted


def _next_trial(blueprint: Blueprint, state: SweepState, rule: Rule, limits: Limits) -> Action | None:
    wanted = wanted_trials(blueprint, state)
    for record in state.trials.values():
        if record.trial in wanted and (again := _run_again(blueprint, record, limits)):
            return again
    for trial in state.samples.values():
        if trial in wanted and trial not in state.trials:
            return Start(Stage.EXPLORE, TrialKey.parse(trial).seed, state.sampled_values[trial])
    explored = [r for r in state.trials.values() if r.trial in wanted and r.stage == Stage.EXPLORE]
    if blueprint.settings.explore.enabled and (action := _next_exploration(blueprint, state, explored, rule)):
        return action
    conclusion = _conclusion(blueprint, explored)
    if state.finalists is None or conclusion != Conclude(tuple(state.finalists), state.baseline):
        return conclusion
    cells = [cell for cell in (conclusion.baseline, *conclusion.finalists) if cell is not None]
    return next(_missing_confirmations(blueprint, state, cells), None)


def _next_exploration(blueprint: Blueprint, state: SweepState, explored: list[TrialRecord], rule: Rule) -> Action | None:
    """Promotions, then samples; None once every trial of the exploration has ended."""
    free = [slot for slot in blueprint.slots if slot.id not in state.samples]
    for race in races(blueprint, explored):
        if promoted := rule.promote(curves(race, blueprint.metric), blueprint.race, exhausted=not free):
            return _continue(state.trials[promoted])
    if free:
        return Sample(free[0])
    if not any(record.status == Status.RUNNING for record in explored):
        return None
    # Idle slots confirm a stated baseline meanwhile: it is needed whatever the exploration finds.
    stated = blueprint.stated_baseline_cell
    return next(_missing_confirmations(blueprint, state, [stated] if stated else []), Wait())


def races(blueprint: Blueprint, explored: Collection[TrialRecord]) -> list[list[TrialRecord]]:
    """The trials that are compared with each other at rungs: all, or those with the same value of ``explore.per``."""
    groups: dict[str, list[TrialRecord]] = {}
    for record in explored:
        groups.setdefault(group_of(record.values, blueprint.settings.explore.per), []).append(record)
    return list(groups.values())


def _conclusion(blueprint: Blueprint, explored: Collection[TrialRecord]) -> Conclude:
    """Who goes on: the best of the exploration, or every cell of the grid where nothing was explored."""
    settings, stated = blueprint.settings, blueprint.stated_baseline_cell
    if not settings.explore.enabled:
        cells = (blueprint.cell(dict(slot.grid)) for slot in blueprint.slots)
        return Conclude(tuple(dict.fromkeys(cell for cell in cells if cell != stated)), stated)
    metrics = settings.sweep.metric
    baseline = stated or best_cell(explored, metrics, blueprint.sweep.baseline)
    # Cells with the values of a baseline that was searched for are its own kind: the best of them is enough.
    others = explored if stated else [r for r in explored if not has_values(r, blueprint.sweep.baseline)]
    return Conclude(finalists(others, metrics, settings.confirm.finalists, settings.explore.per, baseline), baseline)


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
    cells, seeds = {blueprint.baseline_cell(state), *(state.finalists or ())}, set(blueprint.settings.sweep.seeds)
    confirmed = (r for r in state.trials.values() if r.stage == Stage.CONFIRM)
    return drawn | {r.trial for r in confirmed if r.cell in cells and r.seed in seeds}


def seed_mistakes(blueprint: Blueprint, state: SweepState) -> list[str]:
    """Seeds that the sweep would confirm with although it has explored with them, or the other way round."""
    settings = blueprint.settings
    explored, confirmed = ({r.seed for r in state.trials.values() if r.stage == stage} for stage in Stage)
    mistakes = [f"sweep.seeds: this sweep explored with seed {seed}" for seed in sorted(explored & set(settings.sweep.seeds))]
    if settings.explore.seed in confirmed:
        mistakes.append(f"explore.seed: this sweep confirmed with seed {settings.explore.seed}")
    return [f"{mistake}; the confirmation needs fresh seeds (take others, or --fresh)" for mistake in mistakes]


def _missing_confirmations(blueprint: Blueprint, state: SweepState, cells: list[str]) -> Iterator[Start]:
    """Seed by seed, so that a budget that ends early leaves whole pairs."""
    values: dict[str, Mapping[str, Any]] = {record.cell: record.values for record in state.trials.values()}
    if not blueprint.settings.explore.enabled:
        values |= {blueprint.cell(dict(slot.grid)): dict(slot.grid) for slot in blueprint.slots}
    if blueprint.stated_baseline_cell:
        values[blueprint.stated_baseline_cell] = blueprint.sweep.baseline
    for seed in blueprint.settings.sweep.seeds:
        for cell in dict.fromkeys(cells):
            if f"{cell}-s{seed}" not in state.trials:
                yield Start(Stage.CONFIRM, seed, values[cell])


def curves(records: Collection[TrialRecord], metric: str) -> Mapping[str, Curve]:
    """What a scheduler may see of the trials."""
    return _Curves({record.trial: record for record in records}, metric)


class _Curves(Mapping[str, Curve]):
    """Made when looked at: away from its rungs a scheduler looks at one trial, however many there are."""

    def __init__(self, records: Mapping[str, TrialRecord], metric: str) -> None:
        self._records, self._metric, self._made = records, metric, dict[str, Curve]()

    def __getitem__(self, trial: str) -> Curve:
        if trial not in self._made:
            self._made[trial] = _curve(self._records[trial], self._metric)
        return self._made[trial]

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)


def _curve(record: TrialRecord, metric: str) -> Curve:
    return Curve(
        points=tuple(curve(record, metric)),
        alive=record.status not in DEAD,
        decided={rung["level"]: rung["decision"] for rung in record.rungs},
        values=record.values,
        ended=record.status not in (Status.RUNNING, Status.PAUSED, Status.INTERRUPTED),
        paused=record.status == Status.PAUSED,
    )
