"""Training throughput of each cell: the median over a run's steps, its first logged row left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.figures.cell_dots import MOST_CELLS, cell_axes, draw_dots
from analysis.figures.cell_values import Spread, foremost
from analysis.figures.curves import curves_of
from analysis.figures.style import metric_label
from analysis.study import Cell, Study

METRIC = "time/tokens_per_sec"


@dataclass(frozen=True)
class Throughput:
    """Tokens per second by cell, one value for each trial."""

    cells: list[Cell]
    left_out: int
    spreads: dict[str, Spread]


def throughput(study: Study) -> Throughput:
    """What the figure shows, without drawing. A run's first row holds what is done once (caches, compilation), so it only counts alone."""
    by_cell: dict[str, list[float]] = {}
    for curve in curves_of(study, METRIC, above_zero=True):
        by_cell.setdefault(curve.cell, []).append(median(curve.values[1:] if len(curve.values) > 1 else curve.values))
    known = [cell for cell in study.cells if cell in by_cell]
    cells = foremost(study, known, MOST_CELLS)
    return Throughput(cells, len(known) - len(cells), {cell: Spread(tuple(map(float, by_cell[cell]))) for cell in known})


def draw(data: Throughput, every_cell: Sequence[Cell]) -> Figure:
    figure, axes = cell_axes(data.cells, data.left_out)
    draw_dots(axes, data.cells, data.spreads, every_cell)
    axes.set_xlabel(metric_label(METRIC))
    axes.set_xlim(left=0)
    measured = "median over a run's steps (mean ± std over trials; faint: each trial)"
    figure.legend(
        handles=[Line2D([], [], color="#666666", marker="o", linestyle="", markersize=4, label=measured)], loc="outside lower center"
    )
    return figure


def figure(study: Study) -> Figure | None:
    """The drawn figure; None when no throughput was measured."""
    data = throughput(study)
    return draw(data, list(study.cells.values())) if data.cells else None
