"""What the plan asks about all trials at once, counted as the ledger grows: a tally that followed every event equals one made anew."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeVar

from sweeps.runner.attempts import Start, run_again
from sweeps.runner.blueprint import Blueprint
from sweeps.runner.curves import Curves
from sweeps.runner.ranking import group_of
from sweeps.runner.schedulers.rivals import Rivals
from sweeps.runner.searchers.searcher import Slot
from trainable.spec.ledger import Event, SweepState, TrialRecord
from trainable.spec.status import Stage, Status

T = TypeVar("T")


@dataclass(frozen=True)
class _Counted:
    """A trial as it was last counted; `race` is None outside the exploration."""

    is_wanted: bool = False
    is_running: bool = False
    is_exploring: bool = False
    race: str | None = None
    busy_seconds: float = 0.0


class Tally:
    """Of one driver: `retry` are the ended statuses that it runs again, `retried` the trials for which it has.

    `running` and `exploring` count the trials that run, all and those of the exploration; `again` are the next attempts of
    trials that ended before their end, `undone` the drawn trials that have not started, in the order of their draws.
    """

    def __init__(self, blueprint: Blueprint, state: SweepState, retry: Collection[Status] = ()) -> None:
        self.blueprint, self.state, self.retry = blueprint, state, retry
        self.retried: set[str] = set()
        self.recount()

    def recount(self) -> None:
        """From the whole state."""
        self.running, self.exploring, self.busy_seconds = 0, 0, 0.0
        self.run_ids: set[str] = set()
        self.again: dict[str, Start] = {}
        self.undone: dict[str, None] = {}
        self._races: dict[str, tuple[Curves, Rivals]] = {}
        self._counted: dict[str, _Counted] = {}
        self._order: dict[str, int] = {}
        self._explored = 0
        self._of_explored: tuple[int, Any] = (-1, None)
        self._unconfirmed: dict[tuple[str, ...], deque[tuple[int, str]]] = {}
        self._drawn = drawn_trials(self.blueprint, self.state)
        self._free = [slot for slot in reversed(self.blueprint.slots) if slot.id not in self.state.samples]
        self.undone |= dict.fromkeys(trial for trial in self.state.samples.values() if trial in self._drawn)
        for record in self.state.trials.values():
            self._touch(record)

    def follow(self, event: Event) -> None:
        """Counts what `event`, which the state has taken in, has changed."""
        if event["event"] == "stage_ended":  # other cells are confirmed
            self.recount()
        elif event["event"] == "sampled":
            self._sampled(event["trial"])
        elif event.get("trial") in self.state.trials:
            self._touch(self.state.trials[event["trial"]])

    @property
    def free_slot(self) -> Slot | None:
        """The next slot of the exploration without a trial."""
        while self._free and self._free[-1].id in self.state.samples:
            self._free.pop()
        return self._free[-1] if self._free else None

    @property
    def next_attempt(self) -> Start | None:
        """Of the trial that started first."""
        return self.again[min(self.again, key=self._order.__getitem__)] if self.again else None

    @property
    def races(self) -> list[Rivals]:
        """The trials that are compared with each other at rungs: all, or those with the same value of ``explore.per``."""
        return [rivals for _, (_, rivals) in sorted(self._races.items())]

    def rivals_of(self, record: TrialRecord) -> Rivals:
        """The race of a trial of the exploration."""
        return self._race(group_of(record.values, self.blueprint.settings.explore.per))[1]

    def explored(self) -> list[TrialRecord]:
        """The wanted trials of the exploration, in the order of their starts."""
        return [r for r in self.state.trials.values() if r.stage == Stage.EXPLORE and self._counted[r.trial].is_wanted]

    def once(self, make: Callable[[list[TrialRecord]], T]) -> T:
        """What `make`, always the same, gives for the explored trials; asked again when one of them has changed."""
        if self._of_explored[0] != self._explored:
            self._of_explored = self._explored, make(self.explored())
        found: T = self._of_explored[1]
        return found

    def unconfirmed(self, cells: Iterable[str]) -> tuple[int, str] | None:
        """The first seed and cell without a trial: seed by seed, so that a budget that ends early leaves whole pairs."""
        asked = tuple(dict.fromkeys(cells))
        if asked not in self._unconfirmed:
            self._unconfirmed[asked] = deque(product(self.blueprint.settings.sweep.seeds, asked))
        left = self._unconfirmed[asked]
        while left and f"{left[0][1]}-s{left[0][0]}" in self.state.trials:
            left.popleft()
        return left[0] if left else None

    def _sampled(self, trial: str) -> None:
        self._drawn.add(trial)
        if trial in self.state.trials:
            self._touch(self.state.trials[trial])
        else:
            self.undone[trial] = None

    def _touch(self, record: TrialRecord) -> None:
        before, now = self._counted.get(record.trial, _Counted()), self._as_counted(record)
        self._counted[record.trial] = now
        if record.trial not in self._order:
            self._order[record.trial] = len(self._order)
            self.run_ids.add(record.run_id)
            self.undone.pop(record.trial, None)
        self.running += now.is_running - before.is_running
        self.exploring += now.is_exploring - before.is_exploring
        self.busy_seconds += now.busy_seconds - before.busy_seconds
        self._explored += now.race is not None or before.race is not None
        self._enter_race(record, before.race, now)
        retry = () if record.trial in self.retried else self.retry
        start = run_again(self.blueprint, record, retry) if now.is_wanted and not now.is_running else None
        self.again.pop(record.trial, None)
        if start is not None:
            self.again[record.trial] = start

    def _as_counted(self, record: TrialRecord) -> _Counted:
        explores, running = record.stage == Stage.EXPLORE, record.status == Status.RUNNING
        wanted = is_wanted(self.blueprint, self.state, record, self._drawn)
        race = group_of(record.values, self.blueprint.settings.explore.per) if explores else None
        return _Counted(wanted, running, explores and running and wanted, race, record.busy_seconds)

    def _enter_race(self, record: TrialRecord, before: str | None, now: _Counted) -> None:
        if before is not None and before != now.race:
            curves, rivals = self._race(before)
            curves.drop(record.trial)
            rivals.changed(record.trial)
        if now.race is not None:
            curves, rivals = self._race(now.race)
            curves.put(record, left_out=not now.is_wanted)
            rivals.changed(record.trial)

    def _race(self, group: str) -> tuple[Curves, Rivals]:
        if group not in self._races:
            curves = Curves(self.blueprint.metric)
            self._races[group] = curves, Rivals(curves)
        return self._races[group]


def drawn_trials(blueprint: Blueprint, state: SweepState) -> set[str]:
    """The trials of the exploration that the sweep, as it is asked for now, still wants."""
    return {state.samples[slot.id] for slot in blueprint.slots if slot.id in state.samples}


def is_wanted(blueprint: Blueprint, state: SweepState, record: TrialRecord, drawn: Collection[str]) -> bool:
    """Whether the sweep, as it is asked for now, still wants a trial of the ledger; all others are kept and not continued."""
    if record.trial in drawn or record.stage != Stage.CONFIRM:
        return record.trial in drawn
    confirmed = record.cell == blueprint.baseline_cell(state) or record.cell in (state.finalists or ())
    return confirmed and record.seed in blueprint.settings.sweep.seeds


def values_of(blueprint: Blueprint, state: SweepState, cell: str) -> Mapping[str, Any]:
    """Of a cell that is to be confirmed."""
    if cell == blueprint.stated_baseline_cell:
        return blueprint.sweep.baseline
    if cell in blueprint.grid_cells:
        return blueprint.grid_cells[cell]
    return next(record.values for record in reversed(state.trials.values()) if record.cell == cell)
