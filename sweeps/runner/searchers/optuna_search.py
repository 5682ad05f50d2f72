"""The bridge to Optuna: a suggestion is a pure function of the ledger's trials, the seed and the slot.

For every suggestion a study is built in memory from what is known of all trials and a sampler is made whose seed is a
hash of (seed, slot): no state is carried along, so that a sweep that was killed goes on with the very values it would
have drawn. The first draws, until the model has seen `startup_trials`, are those of ``searcher=random``.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from sweeps.runner.searchers.directions import direction
from sweeps.runner.searchers.journal import StudyJournal
from sweeps.runner.searchers.models import Model
from sweeps.runner.searchers.observation import Observation, objectives, observe
from sweeps.runner.searchers.optuna_trials import as_trial
from sweeps.runner.searchers.parameters import parameters
from sweeps.runner.searchers.random_search import draw
from sweeps.runner.searchers.searcher import Searcher, Slot, Space
from sweeps.runner.searchers.shown import can_learn
from sweeps.runner.searchers.study import numbered, study_of
from sweeps.runner.seeded import words
from trainable.spec.ledger import TrialRecord
from trainable.spec.status import Status


@dataclass(frozen=True)
class Recipe:
    """What every suggestion of a sweep shares."""

    model: Model
    metrics: Sequence[str]
    seed: int
    startup_trials: int


class OptunaSearch(Searcher):
    """`warm_start` are finished trials of earlier sweeps, seen before this sweep's own; those outside the space, and
    those whose values changed on the way, are left out.

    The journal is written at `resume`, and then at `publish`. A trial that runs again counts as running from its first report.
    """

    def __init__(self, space: Space, recipe: Recipe, journal: Path | None = None, warm_start: Sequence[TrialRecord] = ()) -> None:
        self._space, self._recipe = space, recipe
        self._known = parameters(space)
        self._directions = [direction(metric) for metric in recipe.metrics]
        seen = (self._as_trial(observe(record, recipe.metrics)) for record in warm_start if not record.lineage)
        self._warm = numbered([trial for trial in seen if trial is not None and trial.state.is_finished()])
        self._suggested: dict[str, dict[str, Any]] = {}
        self._observed: dict[str, Observation] = {}
        self._own: dict[str, FrozenTrial] = {}
        # Observed since `_own` was last asked for, in order.
        self._stale: dict[str, None] = {}
        self._journal = None if journal is None else StudyJournal(journal, recipe.metrics)

    @property
    def trials(self) -> list[FrozenTrial]:
        """What the model is shown, in order: earlier sweeps' trials, then this one's as they were drawn."""
        return [*self._warm, *self._own_trials().values()]

    def suggest(self, slot: Slot) -> dict[str, Any]:
        self._suggested[slot.id] = values = self._draw(slot)
        return dict(values)

    def resume(
        self,
        samples: Mapping[str, str],
        trials: Mapping[str, TrialRecord],
        sampled_values: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._observed, self._own, self._stale = {}, {}, {}
        drawn = sampled_values or {}
        for name in samples.values():
            if name in trials:
                self._observe(observe(trials[name], self._recipe.metrics, drawn.get(name)))
            elif name in drawn:
                self._observe(Observation(name, dict(drawn[name])))
        if self._journal is not None:
            with _quiet():
                self._journal.rewrite(self._own_trials())

    def started(self, slot: Slot, trial: str) -> None:
        """Also for a slot that says everything itself, and for a trial that is drawn a second time: it is one trial."""
        if trial not in self._observed:
            self._observe(Observation(trial, self._suggested.pop(slot.id, dict(slot.grid))))

    def reported(self, trial: str, step: int, metrics: Mapping[str, float | None]) -> None:
        seen = self._observed.get(trial)
        if seen is not None:
            evaluations = {**seen.evaluations, step: objectives(metrics, self._recipe.metrics)}
            # An ended trial that reports runs again.
            self._observe(replace(seen, evaluations=evaluations, status=Status.RUNNING, ended=None))

    def ended(self, record: TrialRecord) -> None:
        seen = self._observed.get(record.trial)
        if seen is not None:
            self._observe(observe(record, self._recipe.metrics, seen.values))

    def publish(self, *, final: bool = False) -> None:
        if self._journal is not None and (self._journal.is_behind if final else self._journal.is_due):
            with _quiet():
                self._journal.write(self._own_trials())

    def _observe(self, seen: Observation) -> None:
        self._observed[seen.trial] = seen
        self._stale[seen.trial] = None
        if self._journal is not None:
            self._journal.note(seen.trial)

    def _own_trials(self) -> dict[str, FrozenTrial]:
        """This sweep's, by name and as they were drawn."""
        for name in self._stale:
            trial = self._as_trial(self._observed[name])
            if trial is not None:
                trial.number = self._own[name].number if name in self._own else len(self._warm) + len(self._own)
                self._own[name] = trial
        self._stale = {}
        return self._own

    def _as_trial(self, seen: Observation) -> FrozenTrial | None:
        return as_trial(seen, self._known, len(self._recipe.metrics))

    def _draw(self, slot: Slot) -> dict[str, Any]:
        recipe, fixed = self._recipe, dict(slot.grid)
        grid = {key: known.encode(fixed[key]) for key, known in self._known.items() if key in fixed and known.choices is not None}
        shown = recipe.model.learns_from(self.trials, grid, [way == "minimize" for way in self._directions])
        if set(self._known) <= set(fixed) or not can_learn(shown, recipe.startup_trials):
            return draw(self._space, slot, recipe.seed)
        sampler = recipe.model.sampler(words("model", recipe.seed, slot.lot)[0], grid, shown)
        with _quiet():
            study = study_of(shown, self._directions, sampler)
            params = study.ask({key: known.distribution for key, known in self._known.items()}).params
        return {key: known.decode(params[key]) for key, known in self._known.items()} | fixed


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna tells of every study it creates, and of models that have converged; nobody asked."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
