"""``summary.json`` and ``summary.md``: one run in a page; kept up to date while it runs, so that it is there after any end."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from trainable.spec.atomic_write import write_json, write_text
from trainable.spec.run_dir import RunDir
from trainable.spec.run_observations import observations
from trainable.spec.run_page import run_page
from trainable.spec.status import Status

SUMMARY_FORMAT = 1


@dataclass
class RunSummary:
    """Numbers of one run; a number that was not measured is None. Bytes, seconds and tokens as the names say."""

    experiment_id: str
    trial: str
    cell: str
    seed: int
    stage: str
    status: str
    config: dict[str, Any]
    stop_reason: str | None = None
    hypothesis: str = ""
    tags: list[str] = field(default_factory=list)
    started: str = ""
    ended: str | None = None
    duration_seconds: float = 0.0
    step: int = 0
    max_steps: int = 0
    tokens: int = 0
    parameters: int | None = None
    trainable_parameters: int | None = None
    optimizer_state_bytes: int | None = None
    checkpoint_bytes: int | None = None
    micro_batch_size: int | None = None
    predicted_peak_memory_gb: float | None = None
    probe_seconds: float | None = None
    attempt: int = 1
    host: str = ""
    device: str = ""
    commit: str | None = None
    metrics: dict[str, float | None] = field(default_factory=dict)
    best_metrics: dict[str, float | None] = field(default_factory=dict)
    best_step: int | None = None
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        """With the protocol's own keys (section 4.3) beside ours."""
        peak_gb, hours = self.metrics.get("memory/peak_gb"), self.duration_seconds / 3600
        final = {
            "train_loss": self.metrics.get("train/loss"),
            "val_loss": self.metrics.get("eval/loss"),
            "val_perplexity": self.metrics.get("eval/perplexity"),
            "peak_memory_gb": peak_gb,
            "total_time_hours": hours,
        }
        told = {"format": SUMMARY_FORMAT, **asdict(self), "final_metrics": final, "timestamp": self.ended or self.started}
        return {**told, "observations": observations(told)}


def write_summary(run_dir: RunDir, summary: RunSummary, *, sync: bool = False) -> None:
    write_json(run_dir.summary, summary.as_json(), sync=sync)


def read_summary(run_dir: RunDir) -> RunSummary:
    """Raises FileNotFoundError when there is none, ValueError when it is not ours."""
    values = json.loads(run_dir.summary.read_text())
    if not isinstance(values, dict) or values.get("format") != SUMMARY_FORMAT:
        raise ValueError(f"{run_dir.summary} is not a run summary of format {SUMMARY_FORMAT}")
    known = {name: values[name] for name in RunSummary.__dataclass_fields__ if name in values}
    try:
        return RunSummary(**known)
    except TypeError as error:
        raise ValueError(f"{run_dir.summary} lacks a field: {error}") from error


def summary_status(run_dir: RunDir) -> str | None:
    """The status that the summary tells; None without a readable summary."""
    try:
        return read_summary(run_dir).status
    except (FileNotFoundError, ValueError):
        return None


def end_summary(run_dir: RunDir, status: Status, stop_reason: str | None, ended: str, error: str | None = None) -> None:
    """Gives the summary its end when somebody other than the run itself ended it; without a summary there is nothing to end."""
    try:
        summary = read_summary(run_dir)
    except (FileNotFoundError, ValueError):
        return
    summary.status, summary.stop_reason, summary.ended, summary.error = status, stop_reason, ended, error
    write_summary(run_dir, summary, sync=True)
    write_text(run_dir.summary_markdown, as_markdown(summary))


def as_markdown(summary: RunSummary) -> str:
    """The protocol's summary page (section 11.1), with what one run can know."""
    return run_page(summary.as_json())
