"""Experiment logs side by side: pure, from logs to the lines of a table."""

from collections.abc import Mapping
from statistics import fmean

from analysis.report.markdown import MISSING, duration, table
from trainable.spec.experiment_log_format import ExperimentLog

HEADER = ["experiment", "best train loss", "best val loss", "final val loss", "iterations", "tokens/s", "duration"]


def comparison_table(logs: Mapping[str, ExperimentLog]) -> str:
    """One line for each experiment; losses in nats per token, throughput as the mean over the snapshots."""
    losses = [log.best_val_loss for log in logs.values() if log.best_val_loss is not None]
    return "\n".join(table(HEADER, [_line(name, log, min(losses, default=None)) for name, log in logs.items()]))


def _line(name: str, log: ExperimentLog, lowest: float | None) -> list[str]:
    best = shown(log.best_val_loss)
    rates = [snapshot.tokens_per_sec for snapshot in log.metrics_history if snapshot.tokens_per_sec is not None]
    return [
        name,
        shown(log.best_train_loss),
        f"**{best}**" if log.best_val_loss is not None and log.best_val_loss == lowest else best,
        shown(log.final_val_loss),
        shown(log.metrics_history[-1].iteration if log.metrics_history else None),
        shown(fmean(rates) if rates else None),
        MISSING if log.duration_seconds is None else duration(log.duration_seconds),
    ]


def shown(value: float | None) -> str:
    """A number as people read it, a dash for one that was not measured."""
    if value is None:
        return MISSING
    if isinstance(value, int) or abs(value) >= 1e4:
        return f"{value:,.0f}"
    return f"{value:.4f}" if value == 0 or abs(value) >= 1e-2 else f"{value:.3e}"
