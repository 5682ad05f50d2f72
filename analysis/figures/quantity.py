"""A column of ``trials.parquet`` as an axis of a figure: its title, its unit, and which way is better."""

import math
from dataclasses import dataclass

from analysis.columns import Row
from analysis.figures.style import metric_label
from trainable.spec.metric_names import METRICS
from trainable.spec.statement import Statement


@dataclass(frozen=True)
class Quantity:
    """Values of `column` are multiplied by `scale` to have the unit that `label` names."""

    column: str
    label: str
    scale: float = 1.0
    higher_is_better: bool = False

    def of(self, row: Row) -> float | None:
        """The row's value in the label's unit; None when it is missing or not finite."""
        value = row.get(self.column)
        return value * self.scale if isinstance(value, int | float) and math.isfinite(value) else None


_SCALED = {
    "optimizer_state_bytes": ("Optimizer state (MB)", 1e-6),
    "checkpoint_bytes": ("Checkpoint on disk (MB)", 1e-6),
    "parameters": ("Parameters (millions)", 1e-6),
    "trainable_parameters": ("Trainable parameters (millions)", 1e-6),
    "tokens": ("Training tokens (millions)", 1e-6),
    "duration_seconds": ("Training time (min)", 1 / 60),
    "best_eval_loss": ("Best validation loss (nats/token)", 1.0),
    "predicted_peak_memory_gb": ("Predicted peak memory (GB)", 1.0),
}
# What an axis may show: metrics, and what else is measured of a run.
COLUMNS = (*METRICS, *_SCALED)
_HIGHER_IS_BETTER = ("time/tokens_per_sec", "eval/tokens_per_sec")


def quantity(column: str, statement: Statement) -> Quantity:
    """What an axis of `column` shows; for the sweep's own metric and those of its claims the statement says which way is better."""
    label, scale = _SCALED.get(column, (metric_label(column), 1.0))
    said = {claim.metric: claim.higher_is_better for claim in statement.claims} | {statement.metric: statement.higher_is_better}
    return Quantity(column, label, scale, said.get(column, column in _HIGHER_IS_BETTER))
