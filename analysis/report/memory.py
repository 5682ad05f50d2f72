"""Predicted against measured peak memory, by configuration."""

from collections import defaultdict
from collections.abc import Sequence

from analysis.columns import Row
from analysis.report.evidence import Evidence
from analysis.report.markdown import long_table, number, percent

PREDICTED, MEASURED = "predicted_peak_memory_gb", "memory/peak_gb"


def section(evidence: Evidence) -> list[str]:
    """Empty where no run has both numbers."""
    by_cell: dict[str, list[Row]] = defaultdict(list)
    for row in evidence.study.rows:
        if row.get(PREDICTED) and row.get(MEASURED):
            by_cell[row["cell"]].append(row)
    if not by_cell:
        return []
    body = [[evidence.title(cell), *_line(by_cell[cell])] for cell in evidence.study.cells if cell in by_cell]
    header = ["configuration", "runs", "predicted GB", "measured GB", "measured against predicted"]
    return [
        "## Memory",
        "",
        _worst(by_cell),
        "",
        *long_table(header, body, f"Predicted and measured peak memory of {len(body)} configurations"),
        "",
    ]


def error(row: Row) -> float:
    """(measured - predicted) / predicted."""
    return float(row[MEASURED] / row[PREDICTED] - 1)


def _line(rows: Sequence[Row]) -> list[str]:
    worst = max(rows, key=lambda row: abs(error(row)))
    return [str(len(rows)), number(worst[PREDICTED]), number(worst[MEASURED]), percent(error(worst))]


def _worst(by_cell: dict[str, list[Row]]) -> str:
    errors = [error(row) for rows in by_cell.values() for row in rows]
    return (
        f"Peak memory (`memory/peak_gb`) as predicted before the first step and as measured: {min(errors):+.1%} to {max(errors):+.1%} over "
        f"{len(errors)} runs. Of each configuration the run that was furthest from its prediction."
    )
