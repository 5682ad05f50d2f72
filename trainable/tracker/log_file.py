"""``logs/train.log``: what happened, for people."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from trainable.spec.run_dir import RunDir
from trainable.tracker.tracker import Row, RunDescription, Tracker

FORMAT = "%(asctime)s [%(levelname)s] %(message)s"


class LogFile(Tracker):
    """Python logging with a handler of its own; a resumed or repeated run writes on, so that every attempt can be read.

    `logger` takes what else there is to say about the run. It is not registered by name and has no parent:
    the root logger, other libraries and later runs of the process see nothing of it.
    """

    def __init__(self) -> None:
        self.logger = logging.Logger("run")
        self.logger.addHandler(logging.NullHandler())
        self._file: logging.FileHandler | None = None

    def start(self, run: RunDescription, resume_step: int | None) -> None:
        path = RunDir(run.run_dir).train_log
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = logging.FileHandler(path, encoding="utf-8")
        self._file.setFormatter(logging.Formatter(FORMAT))
        self.logger.addHandler(self._file)
        start = "Starting experiment" if resume_step is None else f"Resuming after step {resume_step}"
        self.logger.info("%s: %s", start, run.experiment_id)
        self.logger.info("Config: %s", json.dumps(run.config))

    def log(self, row: Row, step: int) -> None:
        shown = (f"{name}={_shown(value)}" for name, value in row.items() if value is not None and name != "step")
        self.logger.info("Step %d: %s", step, ", ".join(shown))

    def log_summary(self, summary: Mapping[str, Any]) -> None:
        self.logger.info("Summary: %s", json.dumps({name: value for name, value in summary.items() if name != "config"}, default=str))

    def finish(self, status: str) -> None:
        if self._file is None:
            return
        self.logger.info("Finished: %s", status)
        self.logger.removeHandler(self._file)
        self._file.close()
        self._file = None


def _shown(value: float | int) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"
