"""Peak memory of each cell: measured over its trials, and as it was predicted before they started."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.figures.cell_dots import MOST_CELLS, cell_axes, draw_dots
from analysis.figures.cell_values import Spread, cell_values, foremost
from analysis.figures.quantity import quantity
from analysis.study import Cell, Study

MEASURED, PREDICTED = "memory/peak_gb", "predicted_peak_memory_gb"


@dataclass(frozen=True)
class MemoryProfile:
    """GB by cell, over all of its trials; a prediction depends on what its process held before, hence its spread too."""

    cells: list[Cell]
    left_out: int
    measured: dict[str, Spread]
    predicted: dict[str, Spread]


def profile(study: Study) -> MemoryProfile:
    """What the figure shows, without drawing: every trial counts, however it ended, since its peak comes in its first steps."""
    rows = {cell: study.rows_by_cell[cell] for cell in study.cells}
    measured, predicted = (cell_values(study, quantity(column, study.statement), rows) for column in (MEASURED, PREDICTED))
    known = [cell for cell in study.cells if cell in measured or cell in predicted]
    cells = foremost(study, known, MOST_CELLS)
    return MemoryProfile(cells, len(known) - len(cells), measured, predicted)


def draw(data: MemoryProfile, every_cell: Sequence[Cell]) -> Figure:
    figure, axes = cell_axes(data.cells, data.left_out)
    draw_dots(axes, data.cells, data.measured, every_cell)
    foretold = [(data.predicted[cell.cell].mean, place) for place, cell in enumerate(data.cells) if cell.cell in data.predicted]
    axes.plot([x for x, _ in foretold], [y for _, y in foretold], "|", color="#000000", markersize=9, markeredgewidth=1.3, zorder=4)
    axes.set_xlabel("Peak memory (GB)")
    axes.set_xlim(left=0)
    measured = "measured (mean ± std over trials; faint: each trial)"
    handles = [Line2D([], [], color="#666666", marker="o", linestyle="", markersize=4, label=measured)]
    if foretold:
        handles.append(Line2D([], [], color="#000000", marker="|", linestyle="", markersize=8, label="predicted before the start (mean)"))
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def figure(study: Study) -> Figure | None:
    """The drawn figure; None when no trial knows its peak."""
    data = profile(study)
    return draw(data, list(study.cells.values())) if data.measured else None
