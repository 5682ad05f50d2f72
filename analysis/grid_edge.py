"""Winners at the edge of their numeric grid: the best value may lie beyond what was tried."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from analysis.columns import CONFIG_PREFIX, Row
from analysis.compare import replicates
from analysis.study import shown
from trainable.spec.statement import Statement
from trainable.spec.status import Status

# With two values every one of them is an edge.
_FEWEST_VALUES = 3
# These tell nothing about their values.
_NOT_TRIED = frozenset({Status.FAILED, Status.INTERRUPTED, Status.RUNNING, Status.PAUSED})


@dataclass(frozen=True)
class Edge:
    """A cell whose value of each key in `sides` is the 'largest' or 'smallest' tried; `counts` says of how many."""

    cell: str
    sides: dict[str, str]
    values: dict[str, Any]
    counts: dict[str, int]

    @property
    def sentence(self) -> str:
        found = [
            f"{key} = {shown(self.values[key])} is the {side} of the {self.counts[key]} values tried" for key, side in self.sides.items()
        ]
        return f"{' and '.join(found)}: extend the space"


def edges(statement: Statement, rows: Sequence[Row]) -> list[Edge]:
    """The best cell of the sweep (of each part that was explored apart), the baseline among them, where it lies at the edge of a grid.

    The best is the one whose confirmed mean is; before a confirmation the exploration's first. A value beyond it that diverged or ran
    out of memory was tried. Keys whose values were drawn have no edge.
    """
    found = []
    for group in _groups(rows, statement.settings.get("explore", {}).get("per")):
        best = _best_of(statement, group)
        if best is None:
            continue
        tried = {key: _grid(statement, group, key) for key in statement.varied}
        values = {key: best[CONFIG_PREFIX + key] for key in statement.varied}
        sides = {key: side for key in statement.varied if (side := _side(values[key], tried[key]))}
        if sides:
            found.append(Edge(best["cell"], sides, values, {key: len(tried[key]) for key in sides}))
    return found


def _groups(rows: Sequence[Row], per: str | None) -> list[list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault("" if per is None else repr(row.get(CONFIG_PREFIX + per)), []).append(row)
    return list(groups.values())


def _best_of(statement: Statement, rows: Sequence[Row]) -> Row | None:
    first = {row["cell"]: row for row in rows}
    seeds = {cell: replicates(rows, cell, statement.metric, statement.seeds).values.values() for cell in first}
    sign = -1 if statement.higher_is_better else 1
    means = {cell: sign * fmean(values) for cell, values in seeds.items() if values}
    if means:
        return first[min(means, key=lambda cell: means[cell])]
    ranked = [row for row in rows if row["finalist_rank"] is not None]
    return min(ranked, key=lambda row: row["finalist_rank"], default=None)


def _grid(statement: Statement, rows: Sequence[Row], key: str) -> list[float]:
    """The numbers of a key that were tried, in order; empty when they were drawn or are no numbers."""
    by_cell = {row["cell"]: row[CONFIG_PREFIX + key] for row in rows if row["status"] not in _NOT_TRIED}
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in by_cell.values()):
        return []
    values = sorted(set(by_cell.values()))
    searcher = statement.settings.get("searcher", {}).get("name", "grid")
    drawn = searcher != "grid" and len(values) == len(by_cell)
    return [] if drawn or len(values) < _FEWEST_VALUES else values


def _side(value: Any, tried: Sequence[float]) -> str:
    if not tried or value not in (tried[0], tried[-1]):
        return ""
    return "smallest" if value == tried[0] else "largest"
