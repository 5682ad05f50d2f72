"""The study in Optuna's journal format, for ``optuna-dashboard``: written for people, never read by a sweep."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from sweeps.runner.searchers.directions import direction
from trainable.spec.atomic_write import write_text

_LOG = logging.getLogger(__name__)
_LOCK_SUFFIX = ".lock"
# What `Study.set_metric_names` writes.
_METRIC_NAMES = "study:metric_names"


class StudyJournal:
    """Rebuilt whole from the ledger's trials, then appended to; the first error ends it with one warning, and never the sweep."""

    def __init__(self, path: Path, metrics: Sequence[str]) -> None:
        self._path, self._metrics = path, list(metrics)
        self._storage: JournalStorage | None = None
        self._ids: dict[str, int] = {}
        self._study = 0

    def rewrite(self, trials: Mapping[str, FrozenTrial]) -> None:
        """Replaces the file by a study of these trials, by name and in order."""
        try:
            lines = _Lines()
            storage = JournalStorage(lines)
            directions = [StudyDirection[direction(metric).upper()] for metric in self._metrics]
            study = storage.create_new_study(directions, self._path.parent.name)
            storage.set_study_system_attr(study, _METRIC_NAMES, self._metrics)
            ids = {name: storage.create_new_trial(study, trial) for name, trial in trials.items()}
            write_text(self._path, "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines.kept))
            # Of a driver that was killed while it wrote; Optuna would wait half a minute for it.
            self._path.with_name(self._path.name + _LOCK_SUFFIX).unlink(missing_ok=True)
            self._storage, self._study, self._ids = JournalStorage(JournalFileBackend(str(self._path))), study, ids
        except Exception as error:
            self._give_up(error)

    def put(self, name: str, trials: Mapping[str, FrozenTrial]) -> None:
        """Writes what is new of the trial called `name`, one of `trials`."""
        if self._storage is None:
            return
        try:
            self._append(self._storage, name, trials[name])
        except _NoLongerOpen:
            self.rewrite(trials)
        except Exception as error:
            self._give_up(error)

    def _append(self, storage: JournalStorage, name: str, trial: FrozenTrial) -> None:
        if name not in self._ids:
            self._ids[name] = storage.create_new_trial(self._study, trial)
            return
        number = self._ids[name]
        written = storage.get_trial(number)
        if written.state.is_finished():
            raise _NoLongerOpen
        for step, value in trial.intermediate_values.items():
            if step not in written.intermediate_values:
                storage.set_trial_intermediate_value(number, step, value)
        if trial.state.is_finished():
            for key, value in trial.user_attrs.items():
                storage.set_trial_user_attr(number, key, value)
            for key, value in trial.system_attrs.items():
                storage.set_trial_system_attr(number, key, value)
            storage.set_trial_state_values(number, trial.state, trial.values)

    def _give_up(self, error: Exception) -> None:
        """Whatever went wrong with a file that nothing depends on; it is written anew at the next start."""
        self._storage = None
        _LOG.warning("%s is no longer written (%s: %s); the sweep goes on without it", self._path, type(error).__name__, error)


class _NoLongerOpen(Exception):
    """Optuna changes no finished trial, but ours may run again."""


class _Lines(BaseJournalBackend):
    """Keeps the lines of a journal in memory."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        return self.kept[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self.kept += json.loads(json.dumps(logs))
