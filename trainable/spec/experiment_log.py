"""Tracks an experiment in one JSON file; stands alone, so that any training loop can use it in five lines.

tracker = ExperimentTracker(ExperimentConfig(experiment_name="baseline"), log_dir="experiment_logs")
tracker.start()
for i in range(steps): ...; tracker.log_metrics(iteration=i, train_loss=loss, learning_rate=lr); tracker.increment_gradient_step()
tracker.finish(val_loss=val_loss)
tracker.save()
"""

import os
import re
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from trainable.spec.atomic_write import write_json
from trainable.spec.experiment_log_format import (
    ExperimentConfig,
    ExperimentLog,
    MetricsSnapshot,
    compare_experiments,
    finite,
    load_experiment_log,
    merged,
)

__all__ = [
    "ExperimentConfig",
    "ExperimentLog",
    "ExperimentTracker",
    "MetricsSnapshot",
    "compare_experiments",
    "load_experiment_log",
]


class ExperimentTracker:
    """Records one experiment; nothing is on disk before `save`, which may be called at any time and again.

    A loss, a rate or a time that is left out, infinite or NaN is recorded as missing (null in the file).
    """

    def __init__(self, config: ExperimentConfig, log_dir: str | Path = "experiment_logs") -> None:
        self.config = config
        self.log_dir = Path(log_dir)
        self.log = ExperimentLog(config)
        self.gradient_step = 0
        self.path: Path | None = None
        self._clock: float | None = None
        self._seconds_before = 0.0

    @classmethod
    def resume(cls, path: str | Path, iteration: int, config: ExperimentConfig | None = None) -> "ExperimentTracker":
        """Goes on with an experiment as it stood after `iteration`; later snapshots are dropped, `save` replaces the file.

        `config` is the one from here on, such as with more iterations; None: the recorded one.
        Raises `WrongRequest` when `path` is no experiment log.
        """
        log = load_experiment_log(path).up_to(iteration)
        log.config = config or log.config
        tracker = cls(log.config, Path(path).parent)
        tracker.log, tracker.path = log, Path(path)
        if log.metrics_history:
            tracker.gradient_step = log.metrics_history[-1].gradient_step
            tracker._seconds_before = log.metrics_history[-1].wallclock_time
        return tracker

    def start(self) -> None:
        """Starts the clock; a resumed experiment keeps its first start time and the seconds it has behind it."""
        self._clock = time.monotonic()
        if self.log.start_time is None:
            self.log.start_time = _now()

    def log_metrics(
        self,
        iteration: int,
        train_loss: float | None = None,
        learning_rate: float | None = None,
        tokens_per_sec: float | None = None,
        iter_time_ms: float | None = None,
    ) -> None:
        """One snapshot of the training: loss in nats per token, time in milliseconds."""
        self._add(
            iteration,
            train_loss=finite(train_loss),
            learning_rate=finite(learning_rate),
            tokens_per_sec=finite(tokens_per_sec),
            iter_time_ms=finite(iter_time_ms),
        )

    def increment_gradient_step(self, count: int = 1) -> None:
        """Counts optimizer steps, apart from iterations (gradient accumulation makes them differ)."""
        self.gradient_step += count

    def log_eval(self, iteration: int, train_loss: float | None = None, val_loss: float | None = None) -> None:
        """The losses of an evaluation: into the last snapshot when that is of the same iteration, else as a snapshot of their own.

        A `train_loss` given here replaces the one of the snapshot, which was of one batch.
        """
        history = self.log.metrics_history
        if history and history[-1].iteration == iteration:
            history[-1] = merged(history[-1], finite(train_loss), finite(val_loss))
        else:
            self._add(iteration, train_loss=finite(train_loss), val_loss=finite(val_loss))

    def finish(self, train_loss: float | None = None, val_loss: float | None = None, notes: str = "") -> None:
        """The end of the experiment; `save` then writes it."""
        self.log.end_time = _now()
        self.log.duration_seconds = self._seconds()
        self.log.final_train_loss, self.log.final_val_loss = finite(train_loss), finite(val_loss)
        self.log.notes = notes or self.log.notes

    def save(self, *, sync: bool = True) -> Path:
        """Writes ``experiment_<name>_<YYYYmmdd_HHMMSS>.json`` whole and returns its path.

        Saving again replaces this tracker's own file; a file of somebody else's stays, and ours gets a number.
        `sync=False` leaves out the flush to the disk.
        """
        self.log.note_best()
        if self.log.end_time is None:
            self.log.duration_seconds = self._seconds()
        if self.path is None:
            self.path = self._write_first(sync)
        else:
            write_json(self.path, self.log.as_json(), sync=sync)
        return self.path

    def print_summary(self) -> None:
        """Prints the experiment in a few lines."""
        log = self.log
        log.note_best()
        rows = {
            "Duration [s]": self._seconds() if log.end_time is None else log.duration_seconds,
            "Gradient steps": self.gradient_step,
            "Snapshots": len(log.metrics_history),
            "Best train loss": log.best_train_loss,
            "Best val loss": log.best_val_loss,
            "Final train loss": log.final_train_loss,
            "Final val loss": log.final_val_loss,
        }
        print(f"Experiment: {self.config.experiment_name}")
        for name, value in rows.items():
            print(f"  {name + ':':<18}{_shown(value)}")
        if log.notes:
            print(f"  {'Notes:':<18}{log.notes}")

    def _add(self, iteration: int, **measured: float | None) -> None:
        seconds, shape = self._seconds(), {"batch_size": self.config.batch_size, "context_length": self.config.context_length}
        values: dict[str, Any] = {**measured, **shape}
        self.log.metrics_history.append(MetricsSnapshot(iteration, self.gradient_step, seconds, **values))

    def _seconds(self) -> float:
        """Since the start, which this is when nobody called `start`; without the gaps between resumed parts."""
        if self._clock is None:
            self.start()
        return self._seconds_before + time.monotonic() - (self._clock or 0.0)

    def _write_first(self, sync: bool) -> Path:
        stamp = datetime.fromisoformat(self.log.start_time or _now()).strftime("%Y%m%d_%H%M%S")
        stem = f"experiment_{file_name_part(self.config.experiment_name)}_{stamp}"
        number, path = 1, self.log_dir / f"{stem}.json"
        self.log_dir.mkdir(parents=True, exist_ok=True)
        while not _write_new(path, self.log.as_json(), sync):
            number += 1
            path = self.log_dir / f"{stem}_{number}.json"
        return path


def file_name_part(name: str) -> str:
    """An experiment's name as part of a file name: no separators, at most 180 characters."""
    return re.sub(r"[^\w.+=@-]+", "-", name)[:180].strip("-.") or "untitled"


def _write_new(path: Path, value: Any, sync: bool) -> bool:
    """Writes a file that was not there, whole; False when the name is taken."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    write_json(beside, value, sync=sync)
    try:
        os.link(beside, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links: the name is claimed first, then filled
        try:
            path.open("x").close()
        except FileExistsError:
            return False
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return True


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4f}"
