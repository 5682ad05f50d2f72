"""What a run leaves behind while it goes: rows to the trackers, and a summary that is true after any end."""

import json
import socket
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import yaml
from torch import nn

from trainable.device import MemoryMeter
from trainable.memory import predict
from trainable.provenance import provenance
from trainable.spec.atomic_write import write_json, write_text
from trainable.spec.code_version import commit
from trainable.spec.compose import to_plain
from trainable.spec.config import RunConfig
from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import RunSummary, as_markdown, write_summary
from trainable.spec.status import Status


@dataclass(frozen=True)
class RunIdentity:
    """Which trial a run is; `attempt` counts its starts. A run without a sweep is a trial of its own."""

    trial: str
    cell: str
    seed: int
    stage: str = "single"
    attempt: int = 1
    hypothesis: str = ""
    group: str | None = None


class RunRecord:
    """The summary of one run, kept on disk; times are seconds over all attempts."""

    def __init__(self, config: RunConfig, run_dir: RunDir, identity: RunIdentity, device: str) -> None:
        self.run_dir = run_dir
        self._config = config
        self._clock = time.monotonic()
        self._seconds_before = 0.0
        self.summary = RunSummary(
            experiment_id=run_dir.experiment_id,
            trial=identity.trial,
            cell=identity.cell,
            seed=identity.seed,
            stage=identity.stage,
            status=Status.RUNNING,
            config=to_plain(config),
            hypothesis=identity.hypothesis or config.experiment.hypothesis,
            started=now(),
            max_steps=config.training.max_steps,
            attempt=identity.attempt,
            host=socket.gethostname(),
            device=device,
            commit=commit(),
        )

    def write_origin(self, config: RunConfig, identity: RunIdentity) -> None:
        """``config.yaml`` and ``provenance.json``."""
        write_text(self.run_dir.config, yaml.safe_dump(to_plain(config), sort_keys=False), sync=False)
        write_json(self.run_dir.provenance, {"seed": identity.seed, "run": asdict(identity), **provenance()}, sync=False)

    def sized(self, model: nn.Module, micro_batch_size: int, memory: MemoryMeter, ranks: int) -> None:
        """What is known before the first step; the prediction is of ``memory/peak_gb``."""
        self.summary.parameters = sum(p.numel() for p in model.parameters())
        self.summary.trainable_parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
        self.summary.micro_batch_size = micro_batch_size
        predicted = predict(self._config, memory.device.type, micro_batch_size, ranks)
        if predicted is not None:
            self.summary.predicted_peak_memory_gb = predicted.in_process(memory.resident_bytes).metered_peak_gb

    def resumed(self, kept: dict[str, Any]) -> None:
        """Takes over from a checkpoint what the attempts before had measured."""
        self._seconds_before = kept["seconds"]
        self.summary.started = kept["started"]
        self.summary.metrics, self.summary.best_metrics = dict(kept["metrics"]), dict(kept["best_metrics"])
        self.summary.best_step = kept["best_step"]

    def kept(self) -> dict[str, Any]:
        """What `resumed` needs, as plain values for a checkpoint."""
        summary = self.summary
        return {
            "seconds": self.seconds,
            "started": summary.started,
            "metrics": dict(summary.metrics),
            "best_metrics": dict(summary.best_metrics),
            "best_step": summary.best_step,
        }

    @property
    def seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._clock

    def measured(self, step: int, tokens: int, metrics: dict[str, float | None]) -> None:
        """The newest value of each metric."""
        self.summary.step, self.summary.tokens = step, tokens
        self.summary.metrics.update(metrics)

    def is_best(self, step: int, metrics: dict[str, float | None]) -> bool:
        """Whether this is the lowest evaluation loss so far; if so it is kept as such."""
        loss, best = metrics["eval/loss"], self.summary.best_metrics.get("eval/loss")
        better = loss is not None and (best is None or loss < best)
        if better:
            self.summary.best_step = step
            self.summary.best_metrics = {name: value for name, value in metrics.items() if name.startswith("eval/")}
        return better

    def write(self) -> None:
        self.summary.duration_seconds = self.seconds
        write_summary(self.run_dir, self.summary)

    def end(self, status: Status, stop_reason: str | None, error: str | None = None) -> None:
        summary = self.summary
        summary.status, summary.stop_reason, summary.error = status, stop_reason, error
        summary.ended, summary.duration_seconds = now(), self.seconds
        write_summary(self.run_dir, summary, sync=True)
        write_text(self.run_dir.summary_markdown, as_markdown(summary), sync=False)

    def as_plain(self) -> dict[str, Any]:
        plain: dict[str, Any] = json.loads(json.dumps(self.summary.as_json()))
        return plain


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
