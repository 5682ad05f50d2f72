"""Draws one line of dots for each cell: every trial faint, their mean solid with its deviation."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.cell_values import Spread
from analysis.figures.style import WIDTH, cell_name, colours
from analysis.study import Cell

MOST_CELLS = 24
_ROW_HEIGHT, _FRAME_HEIGHT = 0.2, 0.95


def cell_axes(cells: Sequence[Cell], left_out: int) -> tuple[Figure, Axes]:
    """A figure as high as it has cells, the first one at the top; says how many were `left_out`."""
    figure = Figure(figsize=(WIDTH, _FRAME_HEIGHT + _ROW_HEIGHT * max(3, len(cells))))
    axes = figure.subplots()
    axes.set_yticks(range(len(cells)), [cell_name(cell) for cell in cells])
    axes.set_ylim(len(cells) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    if left_out:
        axes.set_title(f"{left_out} more cells are not shown", loc="right", fontsize=7, color="#666666")
    return figure, axes


def draw_dots(axes: Axes, cells: Sequence[Cell], spreads: Mapping[str, Spread], every_cell: Sequence[Cell]) -> None:
    """The dots of those `cells` that have a spread, in the colours that `every_cell` gives them in the other figures."""
    colour = colours(every_cell)
    for place, cell in enumerate(cells):
        if (spread := spreads.get(cell.cell)) is None:
            continue
        shade = colour[cell.cell]
        axes.errorbar(spread.mean, place, xerr=spread.error, fmt="o", color=shade, markersize=4, capsize=2.5, elinewidth=1.0, zorder=3)
        if len(spread.values) > 1:
            axes.plot(spread.values, [place + 0.28] * len(spread.values), "o", color=shade, alpha=0.45, markersize=2.2, markeredgewidth=0)
