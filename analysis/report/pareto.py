"""The Pareto set of a sweep with several metrics: explored configurations that no other beats in one metric without losing in another."""

import math
from collections.abc import Sequence

from analysis.columns import Row
from analysis.figures.quantity import quantity
from analysis.report.markdown import headed_table, number
from analysis.study import Study
from trainable.spec.status import Stage, Status


def section(study: Study) -> list[str]:
    """A Markdown section; empty for a sweep with one metric, and before the first full run."""
    metrics = list(study.statement.settings.get("sweep", {}).get("metric", []))
    if len(metrics) < 2:
        return []
    signs = [-1.0 if quantity(metric, study.statement).higher_is_better else 1.0 for metric in metrics]
    found = pareto_set(study.rows, metrics, signs)
    if not found:
        return []
    told = f"Of the full runs of the exploration, those that no other beats in one of {', '.join(metrics)} without losing in another. "
    body = [[study.cells[row["cell"]].title, *(number(row[metric]) for metric in metrics)] for row in found]
    return [
        "## Pareto set",
        "",
        told + "One seed each: what the claims say rests on the confirmation.",
        "",
        *headed_table(["configuration", *metrics], body, rest="trials.parquet"),
        "",
    ]


def pareto_set(rows: Sequence[Row], metrics: Sequence[str], signs: Sequence[float]) -> list[Row]:
    """Completed explored trials that none dominates, by the first metric; `signs` are -1 where higher is better, else 1.

    A trial without one of the metrics is neither in the set nor dominates another.
    """
    full = [row for row in rows if row["stage"] == Stage.EXPLORE and row["status"] == Status.COMPLETED]
    merits = [(row, [sign * row[m] for m, sign in zip(metrics, signs, strict=True)]) for row in full if _has_all(row, metrics)]
    front = [(row, merit) for row, merit in merits if not any(_dominates(other, merit) for _, other in merits)]
    return [row for row, merit in sorted(front, key=lambda pair: (pair[1], pair[0]["trial"]))]


def _has_all(row: Row, metrics: Sequence[str]) -> bool:
    return all(row.get(metric) is not None and math.isfinite(row[metric]) for metric in metrics)


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and list(one) != list(other)
