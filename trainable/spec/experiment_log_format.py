"""The experiment log of CS336: its configuration, snapshots and JSON form; reading and comparing such logs."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from trainable.spec.mistakes import WrongRequest

T = TypeVar("T")


@dataclass(frozen=True)
class ExperimentConfig:
    """The hyperparameters of one experiment. None stands for one that does not apply, such as beta1 without momentum."""

    experiment_name: str
    model_name: str = "TransformerLM"
    vocab_size: int = 10000
    context_length: int = 256
    d_model: int = 512
    num_heads: int = 8
    d_ff: int = 2048
    num_layers: int = 6
    rope_theta: float | None = 10000.0
    batch_size: int = 64
    max_iters: int = 100000
    max_learning_rate: float = 6e-4
    min_learning_rate: float = 6e-5
    warmup_iters: int = 2000
    weight_decay: float = 0.1
    grad_clip: float = 1.0
    beta1: float | None = 0.9
    beta2: float | None = 0.95
    eps: float | None = 1e-8
    seed: int = 42
    device: str = "cuda"
    optimizer_name: str = "AdamW"


@dataclass(frozen=True)
class MetricsSnapshot:
    """One point in time: `wallclock_time` in seconds since the start, losses in nats per token; None was not measured."""

    iteration: int
    gradient_step: int
    wallclock_time: float
    train_loss: float | None = None
    val_loss: float | None = None
    learning_rate: float | None = None
    tokens_per_sec: float | None = None
    iter_time_ms: float | None = None
    batch_size: int | None = None
    context_length: int | None = None


@dataclass
class ExperimentLog:
    """A whole experiment. Times are ISO 8601; the best losses are the lowest finite ones recorded, None without any."""

    config: ExperimentConfig
    start_time: str | None = None
    end_time: str | None = None
    duration_seconds: float | None = None
    metrics_history: list[MetricsSnapshot] = field(default_factory=list)
    notes: str = ""
    best_train_loss: float | None = None
    best_val_loss: float | None = None
    final_train_loss: float | None = None
    final_val_loss: float | None = None

    def note_best(self) -> None:
        """Brings the best losses up to date with the history and the final losses."""
        self.best_train_loss = _lowest([*(s.train_loss for s in self.metrics_history), self.final_train_loss])
        self.best_val_loss = _lowest([*(s.val_loss for s in self.metrics_history), self.final_val_loss])

    def up_to(self, iteration: int) -> "ExperimentLog":
        """The log as it stood after `iteration`, before any end."""
        history = [s for s in self.metrics_history if s.iteration <= iteration]
        log = ExperimentLog(self.config, self.start_time, metrics_history=history, notes=self.notes)
        log.duration_seconds = history[-1].wallclock_time if history else 0.0
        log.note_best()
        return log

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> "ExperimentLog":
        """Raises `WrongRequest` with every value that does not fit. Keys that are not ours are left out, infinity and NaN become None."""
        mistakes: list[str] = []
        parts = dict(values) if isinstance(values, dict) else {}
        config = _read(ExperimentConfig, parts.pop("config", None), "config", mistakes)
        snapshots = parts.pop("metrics_history", [])
        if not isinstance(snapshots, list):
            mistakes.append("metrics_history is not a list")
            snapshots = []
        history = [_read(MetricsSnapshot, each, f"metrics_history[{i}]", mistakes) for i, each in enumerate(snapshots)]
        rest = _fitting(cls, parts, "", mistakes)
        if mistakes or config is None:
            raise WrongRequest(mistakes)
        return cls(config=config, metrics_history=[s for s in history if s is not None], **rest)


def load_experiment_log(path: str | Path) -> ExperimentLog:
    """Reads one experiment log, ours or of the CS336 code. Raises `WrongRequest` when the file is missing, torn or something else."""
    path = Path(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return ExperimentLog.from_json(values)
    except OSError as error:
        raise WrongRequest([f"{path} cannot be read: {error.strerror}"]) from error
    except WrongRequest as error:
        raise WrongRequest([f"{path} is not an experiment log: {mistake}" for mistake in error.mistakes]) from error
    except (ValueError, RecursionError) as error:
        raise WrongRequest([f"{path} is not whole JSON: {error}"]) from error


def compare_experiments(paths: Iterable[str | Path]) -> dict[str, dict[str, float]]:
    """The figures of several logs by experiment name; experiments of one name are told apart by their paths.

    Each has best_train_loss, best_val_loss, final_train_loss, final_val_loss (nats per token), duration_seconds,
    num_metrics and num_val_evals. A value that was not measured is NaN here, so that every one can be formatted.
    Raises `WrongRequest` naming every file that is no experiment log.
    """
    logs: list[tuple[str, ExperimentLog]] = []
    mistakes: list[str] = []
    for path in paths:
        try:
            logs.append((str(path), load_experiment_log(path)))
        except WrongRequest as error:
            mistakes += error.mistakes
    if mistakes:
        raise WrongRequest(mistakes)
    uses = Counter(log.config.experiment_name for _, log in logs)
    return {log.config.experiment_name if uses[log.config.experiment_name] == 1 else path: _figures(log) for path, log in logs}


def finite(value: Any) -> float | None:
    """A number, also a tensor's or an array's single one, as a float; None when missing, infinite or not a number."""
    number = math.nan if value is None else float(value)
    return number if math.isfinite(number) else None


def merged(snapshot: MetricsSnapshot, train_loss: float | None, val_loss: float | None) -> MetricsSnapshot:
    """The snapshot with the losses of an evaluation; a loss left out of it stays as it was."""
    return replace(
        snapshot,
        train_loss=snapshot.train_loss if train_loss is None else train_loss,
        val_loss=snapshot.val_loss if val_loss is None else val_loss,
    )


def _figures(log: ExperimentLog) -> dict[str, float]:
    names = ("best_train_loss", "best_val_loss", "final_train_loss", "final_val_loss", "duration_seconds")
    measured = {name: getattr(log, name) for name in names}
    return {
        **{name: math.nan if value is None else value for name, value in measured.items()},
        "num_metrics": len(log.metrics_history),
        "num_val_evals": sum(s.val_loss is not None for s in log.metrics_history),
    }


def _lowest(losses: Sequence[float | None]) -> float | None:
    return min((loss for loss in losses if loss is not None), default=None)


def _read(kind: type[T], values: Any, where: str, mistakes: list[str]) -> T | None:
    """One dataclass out of a JSON object, or None with the mistakes noted."""
    if not isinstance(values, dict):
        mistakes.append(f"{where} is missing or not an object")
        return None
    before = len(mistakes)
    fitting = _fitting(kind, values, f"{where}.", mistakes)
    needed = [name for name in ("experiment_name", "iteration", "gradient_step", "wallclock_time") if name in kind.__annotations__]
    mistakes += [f"{where}.{name} is missing" for name in needed if name not in values]
    return kind(**fitting) if len(mistakes) == before else None


def _fitting(kind: type, values: dict[str, Any], prefix: str, mistakes: list[str]) -> dict[str, Any]:
    """The values of the fields that `kind` has, infinity and NaN as None; those of another type are noted as mistakes."""
    fitting = {}
    for each in fields(kind):
        if each.name not in values:
            continue
        value, allowed = values[each.name], each.type
        if isinstance(value, float) and not math.isfinite(value):
            value = None
        if isinstance(value, int) and not isinstance(value, bool) and allowed in (float, float | None):
            value = float(value) if abs(value) < 2**1023 else None
        if isinstance(value, bool) or not isinstance(value, allowed):  # type: ignore[arg-type]
            mistakes.append(f"{prefix}{each.name}={value!r} is not {getattr(allowed, '__name__', allowed)}")
        else:
            fitting[each.name] = value
    return fitting
