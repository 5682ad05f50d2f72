"""What a configuration costs beside the baseline: steps to its loss, throughput, memory, time."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from analysis.compare import compare
from analysis.report.evidence import Evidence
from analysis.report.markdown import MISSING, percent, table

# Columns of trials.parquet that are compared, with the heading and what a change of them is called.
COSTS = {
    "time/tokens_per_sec": "tokens/s",
    "memory/peak_gb": "peak memory",
    "optimizer_state_bytes": "optimizer state",
    "duration_seconds": "time of a run",
}


@dataclass(frozen=True)
class CatchUp:
    """The steps after which each seed first had the baseline's final loss; seeds that never had it are not among `steps`."""

    cell: str
    steps: Sequence[int]
    seeds: int
    target: float
    full: int

    @property
    def share(self) -> float | None:
        """Mean of the steps over those of a full run, when every seed came there."""
        return fmean(self.steps) / self.full if self.full and len(self.steps) == self.seeds > 0 else None


def catch_ups(evidence: Evidence) -> list[CatchUp]:
    """Every confirmed cell beside the baseline; only where the sweep's metric is eval/loss, which has a curve."""
    baseline = evidence.baseline
    if evidence.sweep.statement.metric != "eval/loss" or baseline is None or baseline.mean is None:
        return []
    return [_catch_up(evidence, cell.cell, baseline.mean) for cell in evidence.cells if not cell.is_baseline and cell.n]


def _catch_up(evidence: Evidence, cell: str, target: float) -> CatchUp:
    rows = evidence.completed(cell)
    curves = [evidence.evaluations[row["trial"]] for row in rows if row["trial"] in evidence.evaluations]
    steps = [int(curve.steps[curve.values <= target][0]) for curve in curves if (curve.values <= target).any()]
    return CatchUp(cell, steps, len(rows), target, max((row["max_steps"] or 0 for row in rows), default=0))


def cost_table(evidence: Evidence) -> list[str]:
    """Relative differences to the baseline, one line per confirmed cell; empty when there is nothing to compare."""
    statement, rows = evidence.sweep.statement, evidence.study.rows
    others = [cell.cell for cell in evidence.cells if not cell.is_baseline]
    columns = {}
    for name in COSTS:
        found = {summary.cell: summary.relative_difference for summary in compare(statement, rows, name)}
        if any(found.get(cell) is not None for cell in others):
            columns[name] = found
    reached = {one.cell: one for one in catch_ups(evidence)}
    if not others or not (columns or reached):
        return []
    header = ["configuration", "steps to the baseline's final loss", *(f"Δ {COSTS[name]}" for name in columns)]
    body = [[evidence.title(cell), _steps(reached.get(cell)), *(percent(columns[name].get(cell)) for name in columns)] for cell in others]
    return table(header, body)


def _steps(reached: CatchUp | None) -> str:
    if reached is None:
        return MISSING
    if reached.share is None:
        return f"not reached by {reached.seeds - len(reached.steps)} of {reached.seeds} seeds"
    return f"{fmean(reached.steps):,.0f} of {reached.full:,} ({reached.share:.0%})"
