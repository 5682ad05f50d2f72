"""The study in Optuna's journal format, for ``optuna-dashboard``: written for people, never read by a sweep."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import monotonic
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
# Each writing takes a lock and a sync.
_INTERVAL_SECONDS = 2.0


class StudyJournal:
    """Rebuilt whole from the ledger's trials; what is noted since is appended by `write`, with one sync for all of it.

    The first error ends it with one warning, and never the sweep.
    """

    def __init__(self, path: Path, metrics: Sequence[str]) -> None:
        self._path, self._metrics = path, list(metrics)
        self._is_written = False
        self._noted: dict[str, None] = {}
        self._begin()

    def _begin(self) -> None:
        self._lines = _Lines()
        self._storage, self._study = JournalStorage(self._lines), 0
        self._ids: dict[str, int] = {}
        self._last_write = monotonic()

    def rewrite(self, trials: Mapping[str, FrozenTrial]) -> None:
        """Replaces the file by a study of these trials, by name and in order."""
        try:
            self._begin()
            directions = [StudyDirection[direction(metric).upper()] for metric in self._metrics]
            self._study = self._storage.create_new_study(directions, self._path.parent.name)
            self._storage.set_study_system_attr(self._study, _METRIC_NAMES, self._metrics)
            self._ids = {name: self._storage.create_new_trial(self._study, trial) for name, trial in trials.items()}
            write_text(self._path, "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in self._lines.taken()))
            # Of a driver that was killed while it wrote; Optuna would wait half a minute for it.
            self._path.with_name(self._path.name + _LOCK_SUFFIX).unlink(missing_ok=True)
            self._is_written, self._noted = True, {}
        except Exception as error:
            self._give_up(error)

    def note(self, name: str) -> None:
        """The trial called `name` has changed, or is new."""
        if self._is_written:
            self._noted[name] = None

    @property
    def is_behind(self) -> bool:
        return bool(self._noted)

    @property
    def is_due(self) -> bool:
        """Whether something was noted, and the last writing is some time ago."""
        return self.is_behind and monotonic() - self._last_write >= _INTERVAL_SECONDS

    def write(self, trials: Mapping[str, FrozenTrial]) -> None:
        """Writes what is new of those noted that are among `trials`."""
        try:
            for name in filter(trials.__contains__, self._noted):
                self._append(name, trials[name])
            JournalFileBackend(str(self._path)).append_logs(self._lines.taken())
            self._noted, self._last_write = {}, monotonic()
        except _NoLongerOpen:
            self.rewrite(trials)
        except Exception as error:
            self._give_up(error)

    def _append(self, name: str, trial: FrozenTrial) -> None:
        storage = self._storage
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
        self._is_written, self._noted = False, {}
        _LOG.warning("%s is no longer written (%s: %s); the sweep goes on without it", self._path, type(error).__name__, error)


class _NoLongerOpen(Exception):
    """Optuna changes no finished trial, but ours may run again."""


class _Lines(BaseJournalBackend):
    """Keeps the lines of a journal in memory until they are taken; Optuna reads each once, just after it was appended."""

    def __init__(self) -> None:
        self._kept: list[dict[str, Any]] = []
        self._first = 0

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        return self._kept[log_number_from - self._first :]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self._kept += json.loads(json.dumps(logs))

    def taken(self) -> list[dict[str, Any]]:
        """All lines since the last time."""
        lines, self._kept = self._kept, []
        self._first += len(lines)
        return lines
