"""What to run next: a pure function of the blueprint and of the ledger's state, as it is tallied."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from sweeps.runner.attempts import Start, run_on
from sweeps.runner.blueprint import Blueprint
from sweeps.runner.ranking import best_cell, claimed_cells, finalists, has_values
from sweeps.runner.schedulers.rule import Rule
from sweeps.runner.searchers.searcher import Slot
from sweeps.runner.tally import Tally, drawn_trials, is_wanted, values_of
from trainable.spec.identity import TrialKey
from trainable.spec.ledger import SweepState, TrialRecord
from trainable.spec.status import Stage, Status


@dataclass(frozen=True)
class Sample:
    """Draw values for this slot of the exploration."""

    slot: Slot


@dataclass(frozen=True)
class Conclude:
    """The exploration is over: these cells go on, best first and then those that claims name, beside the baseline."""

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
    """`retry` are the ended statuses that a driver runs again.

    `spent` and `full` name a budget that is used up: with `spent` nothing starts, with `full` no trial that had not started before.
    """

    retry: frozenset[Status] = frozenset({Status.FAILED, Status.INTERRUPTED})
    spent: str | None = None
    full: str | None = None


def next_action(tally: Tally, rule: Rule, limits: Limits) -> Action:
    """The first thing that is missing: unfinished trials, then promotions, samples, the confirmation."""
    wanted = _next_trial(tally, rule)
    is_new = isinstance(wanted, Sample) or (isinstance(wanted, Start) and wanted.trial is None)
    used_up = (limits.spent if isinstance(wanted, Start | Sample) else None) or (limits.full if is_new else None)
    if used_up:
        cut = f"{used_up} is used up; what was not run continues by the same command with a larger budget"
        return Wait() if tally.running else Finished(cut)
    if wanted is None:
        return Wait() if tally.running else Finished()
    return wanted


def _next_trial(tally: Tally, rule: Rule) -> Action | None:
    if again := tally.next_attempt:
        return again
    for trial in tally.undone:
        return Start(Stage.EXPLORE, TrialKey.parse(trial).seed, tally.state.sampled_values[trial])
    if tally.blueprint.settings.explore.enabled and (action := _next_exploration(tally, rule)):
        return action
    conclusion = tally.once(partial(_conclusion, tally.blueprint))
    if tally.state.finalists is None or conclusion != Conclude(tuple(tally.state.finalists), tally.state.baseline):
        return conclusion
    return _next_confirmation(tally, [cell for cell in (conclusion.baseline, *conclusion.finalists) if cell is not None])


def _next_exploration(tally: Tally, rule: Rule) -> Action | None:
    """Promotions, then samples; None once every trial of the exploration has ended."""
    free = tally.free_slot
    for rivals in tally.races:
        if promoted := rule.promote(rivals, tally.blueprint.race, exhausted=free is None):
            return run_on(tally.state.trials[promoted])
    if free is not None:
        return Sample(free)
    if not tally.exploring:
        return None
    # Idle slots confirm a stated baseline meanwhile: it is needed whatever the exploration finds.
    stated = tally.blueprint.stated_baseline_cell
    return _next_confirmation(tally, [stated] if stated else []) or Wait()


def _next_confirmation(tally: Tally, cells: list[str]) -> Start | None:
    if (missing := tally.unconfirmed(cells)) is None:
        return None
    seed, cell = missing
    return Start(Stage.CONFIRM, seed, values_of(tally.blueprint, tally.state, cell))


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
    best = finalists(others, metrics, settings.confirm.finalists, settings.explore.per, baseline)
    return Conclude((*best, *claimed_cells(explored, metrics, blueprint.claimed_values, (*best, baseline))), baseline)


def wanted_trials(blueprint: Blueprint, state: SweepState) -> set[str]:
    """The trials of the ledger that the sweep, as it is asked for now, still wants, and those that were drawn and not started."""
    drawn = drawn_trials(blueprint, state)
    return drawn | {record.trial for record in state.trials.values() if is_wanted(blueprint, state, record, drawn)}


def seed_mistakes(blueprint: Blueprint, state: SweepState) -> list[str]:
    """Seeds that the sweep would confirm with although it has explored with them, or the other way round."""
    settings = blueprint.settings
    explored, confirmed = ({r.seed for r in state.trials.values() if r.stage == stage} for stage in Stage)
    mistakes = [f"sweep.seeds: this sweep explored with seed {seed}" for seed in sorted(explored & set(settings.sweep.seeds))]
    if settings.explore.seed in confirmed:
        mistakes.append(f"explore.seed: this sweep confirmed with seed {settings.explore.seed}")
    return [f"{mistake}; the confirmation needs fresh seeds (take others, or --fresh)" for mistake in mistakes]
