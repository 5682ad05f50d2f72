"""All trackers of one run behind the five verbs: local files written directly, the others in the background."""

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from trainable.spec.mistakes import WrongRequest, unknown
from trainable.spec.run_dir import RunDir
from trainable.tracker.background import Background, Patience
from trainable.tracker.log_file import LogFile
from trainable.tracker.tracker import Row, RunDescription, Tracker


class TrackerSet(Tracker):
    """`local` trackers write the run's own files: their errors are the run's. `remote` ones never stop or slow it."""

    def __init__(self, local: Mapping[str, Tracker], remote: Mapping[str, Tracker], patience: Patience) -> None:
        self._log_file = next((t for t in local.values() if isinstance(t, LogFile)), None) or LogFile()
        self._local = {name: tracker for name, tracker in local.items() if tracker is not self._log_file}
        self._remote = {name: Background(name, tracker, self.logger.warning, patience) for name, tracker in remote.items()}
        self._patience = patience
        self._metric_names: Sequence[str] = ()
        self._run_dir = RunDir(Path())

    @property
    def logger(self) -> logging.Logger:
        """Writes to ``logs/train.log``, for what else there is to say about the run."""
        return self._log_file.logger

    def start(self, run: RunDescription, resume_step: int | None) -> None:
        """Raises `WrongRequest` naming every tracker that cannot start and why; those that could are finished."""
        self._metric_names, self._run_dir = run.metric_names, RunDir(run.run_dir)
        started: list[Tracker] = []
        mistakes = []
        for name, tracker in {"log_file": self._log_file, **self._local, **self._remote}.items():
            try:
                tracker.start(run, resume_step)
                started.append(tracker)
            except Exception as error:
                reason = (str(error) or type(error).__name__).splitlines()[0]
                mistakes.append(f"tracker {name} cannot start: {reason}")
        if mistakes:
            self.logger.error("; ".join(mistakes))
            for tracker in reversed(started):
                with suppress(Exception):
                    tracker.finish("failed")
            raise WrongRequest(mistakes)

    def log(self, row: Row, step: int) -> None:
        """Raises ValueError for a name that is not among the run's metrics, so that none is lost unseen."""
        strange = [unknown("metric", name, self._metric_names) for name in row if name not in self._metric_names]
        if strange:
            raise ValueError("; ".join(strange))
        for tracker in self._all():
            tracker.log(row, step)

    def log_summary(self, summary: Mapping[str, Any]) -> None:
        for tracker in self._all():
            tracker.log_summary(summary)

    def log_artifact(self, path: Path) -> None:
        for tracker in self._all():
            tracker.log_artifact(path)

    def finish(self, status: str) -> None:
        """Finishes every tracker, whatever one of them raises: that is an error in ``train.log``, for the run itself is over.

        The pictures that are drawn now go to the remote trackers as artifacts.
        """
        with ExitStack() as ends:
            ends.callback(self._log_file.finish, status)
            for name, tracker in self._local.items():
                self._finish_local(name, tracker, status)
            for picture in sorted(self._run_dir.plots.glob("*.png")):
                for remote in self._remote.values():
                    remote.log_artifact(picture)
            self._finish_remote(status)

    def _all(self) -> list[Tracker]:
        return [self._log_file, *self._local.values(), *self._remote.values()]

    def _finish_local(self, name: str, tracker: Tracker, status: str) -> None:
        try:
            tracker.finish(status)
        except Exception:
            self.logger.exception("tracker %s cannot finish", name)

    def _finish_remote(self, status: str) -> None:
        """All at once, so that the patience is spent once."""
        for remote in self._remote.values():
            remote.end_soon(status)
        deadline = time.monotonic() + self._patience.finish_seconds
        for remote in self._remote.values():
            remote.wait_until(deadline)
