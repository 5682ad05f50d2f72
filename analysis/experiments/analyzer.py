"""All experiment logs of a folder: compared, summed up, and their curves; ours and those of the CS336 code.

analyzer = ExperimentAnalyzer("experiment_logs")
analyzer.load_all()
print(analyzer.get_comparison_table())
name, loss = analyzer.get_best_experiment("val_loss")
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

from analysis.experiments.log_table import comparison_table, shown
from trainable.spec.atomic_write import write_text
from trainable.spec.experiment_log_format import ExperimentLog, MetricsSnapshot, load_experiment_log
from trainable.spec.mistakes import WrongRequest, unknown

CSV_COLUMNS = [field.name for field in fields(MetricsSnapshot)][:8]  # iteration ... iter_time_ms
_BY: dict[str, Callable[[ExperimentLog], float | None]] = {
    "val_loss": lambda log: log.best_val_loss,
    "train_loss": lambda log: log.best_train_loss,
    "duration": lambda log: log.duration_seconds,
}


class LossTrajectories(NamedTuple):
    """One entry for each snapshot, in order; None where a loss was not measured."""

    iterations: list[int]
    train_loss: list[float | None]
    val_loss: list[float | None]


class Curve(NamedTuple):
    """The snapshots at which a value was measured, and the values."""

    iterations: list[int]
    values: list[float]


class ExperimentAnalyzer:
    """The logs ``experiment_*.json`` in `log_dir` and in the folders right below it, such as run directories.

    A log is read once and again when it has changed. One that cannot be read is left out, and `problems` has a sentence about it.
    Experiments go by their names; several of one name by the names of their files.
    """

    def __init__(self, log_dir: str | Path = "experiment_logs") -> None:
        self.log_dir = Path(log_dir)
        self.problems: list[str] = []
        self._cache: dict[Path, tuple[tuple[int, int], ExperimentLog | list[str]]] = {}
        self._logs: dict[str, ExperimentLog] | None = None

    def load_all(self) -> dict[str, ExperimentLog]:
        """Every experiment by name, in the order of the names; call it again to see what is new. Raises `WrongRequest` without a folder."""
        if not self.log_dir.is_dir():
            raise WrongRequest([f"'{self.log_dir}' is no folder of experiment logs"])
        paths = sorted({*self.log_dir.glob("experiment_*.json"), *self.log_dir.glob("*/experiment_*.json")})
        read = {path: self._read(path) for path in paths}
        self.problems = [problem for found in read.values() if isinstance(found, list) for problem in found]
        logs = {path: found for path, found in read.items() if isinstance(found, ExperimentLog)}
        uses = Counter(log.config.experiment_name for log in logs.values())
        named = {log.config.experiment_name if uses[log.config.experiment_name] == 1 else path.stem: log for path, log in logs.items()}
        self._logs = dict(sorted(named.items()))
        return dict(self._logs)

    def get_comparison_table(self) -> str:
        """The experiments side by side as a Markdown table, the lowest validation loss in bold."""
        return comparison_table(self._all())

    def get_best_experiment(self, metric: str = "val_loss") -> tuple[str, float]:
        """Name and value of the experiment with the lowest ``val_loss``, ``train_loss`` (nats per token) or ``duration`` (seconds).

        Raises `WrongRequest` for another metric, and when no experiment has measured it.
        """
        if metric not in _BY:
            raise WrongRequest([unknown("metric", metric, _BY)])
        measured = {name: value for name, log in self._all().items() if (value := _BY[metric](log)) is not None}
        if not measured:
            raise WrongRequest([f"no experiment in '{self.log_dir}' has measured {metric}"])
        best = min(measured, key=lambda name: measured[name])
        return best, measured[best]

    def get_loss_trajectories(self, name: str) -> LossTrajectories:
        history = self._one(name).metrics_history
        return LossTrajectories([s.iteration for s in history], [s.train_loss for s in history], [s.val_loss for s in history])

    def get_throughput_curve(self, name: str) -> Curve:
        """Tokens per second."""
        return _curve(self._one(name).metrics_history, lambda snapshot: snapshot.tokens_per_sec)

    def get_lr_schedule(self, name: str) -> Curve:
        """The learning rate."""
        return _curve(self._one(name).metrics_history, lambda snapshot: snapshot.learning_rate)

    def print_summary(self, name: str) -> None:
        """Prints one experiment: its best and final losses, its length, and lowest, highest, mean and deviation of what was measured."""
        log = self._one(name)
        print(f"Experiment: {name}")
        for label, value in _facts(log).items():
            print(f"  {label + ':':<22}{value}")
        for column in CSV_COLUMNS[3:]:
            values = [value for snapshot in log.metrics_history if (value := getattr(snapshot, column)) is not None]
            if values:
                spread = f", std {shown(stdev(values))}" if len(values) > 1 else ""
                print(f"  {column + ':':<22}min {shown(min(values))}, max {shown(max(values))}, mean {shown(fmean(values))}{spread}")

    def export_csv(self, name: str, path: str | Path) -> Path:
        """Writes the snapshots of an experiment, one line each; what was not measured is an empty cell, and a measured 0 is 0."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        writer.writerows(astuple(snapshot)[: len(CSV_COLUMNS)] for snapshot in self._one(name).metrics_history)
        write_text(Path(path), text.getvalue())
        return Path(path)

    def _all(self) -> dict[str, ExperimentLog]:
        return self.load_all() if self._logs is None else self._logs

    def _one(self, name: str) -> ExperimentLog:
        logs = self._all()
        if name not in logs:
            raise WrongRequest([unknown("experiment", name, logs)])
        return logs[name]

    def _read(self, path: Path) -> ExperimentLog | list[str]:
        """The log in a file, or what is wrong with it; not read again while size and time of the file stay."""
        try:
            found = path.stat()
            stamp = (found.st_size, found.st_mtime_ns)
            if path not in self._cache or self._cache[path][0] != stamp:
                self._cache[path] = (stamp, load_experiment_log(path))
        except WrongRequest as wrong:
            self._cache[path] = (stamp, wrong.mistakes)
        except OSError as error:
            return [f"{path} cannot be read: {error.strerror}"]
        log = self._cache[path][1]
        if isinstance(log, ExperimentLog):
            log.note_best()
        return log


def _curve(history: Sequence[MetricsSnapshot], value: Callable[[MetricsSnapshot], float | None]) -> Curve:
    measured = [(snapshot.iteration, at) for snapshot in history if (at := value(snapshot)) is not None]
    return Curve([iteration for iteration, _ in measured], [at for _, at in measured])


def _facts(log: ExperimentLog) -> dict[str, str]:
    last = log.metrics_history[-1] if log.metrics_history else None
    facts = {
        "Model": log.config.model_name,
        "Optimizer": f"{log.config.optimizer_name}, learning rate {log.config.max_learning_rate:g}",
        "Duration [s]": shown(log.duration_seconds),
        "Last iteration": shown(last.iteration if last else None),
        "Gradient steps": shown(last.gradient_step if last else None),
        "Best train loss": shown(log.best_train_loss),
        "Best val loss": shown(log.best_val_loss),
        "Final train loss": shown(log.final_train_loss),
        "Final val loss": shown(log.final_val_loss),
    }
    return facts | ({"Notes": log.notes} if log.notes else {})
