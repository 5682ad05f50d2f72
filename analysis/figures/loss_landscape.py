"""The validation loss around checkpoints, along one and over two random directions: how wide a minimum is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.columns import Row
from analysis.figures.curves import Numbers
from analysis.figures.metric_colours import usual_range
from analysis.figures.style import HEIGHT, WIDTH, cell_name, colours
from analysis.landscape import landscape_in
from analysis.study import Cell, Study

MOST_PLANES = 3
_LEVELS = 16
_AXIS = "{} direction (norms of the weights)"


@dataclass(frozen=True, eq=False)
class Slices:
    """One trial: `loss` (nats/token) at the steps `x` along one direction, and `plane` over `places` squared (rows: second direction).

    What is not finite is NaN; `plane` is empty where only the line was scanned.
    """

    trial: str
    cell: Cell
    seed: int
    x: Numbers
    loss: Numbers
    places: Numbers
    plane: Numbers


def slices(study: Study) -> list[Slices]:
    """What the figure shows, without drawing: scanned trials, the baseline's first, then by rank and seed."""
    table = landscape_in(study.metrics.parent)
    scanned = set(table["trial"].unique().to_pylist())
    found = [_slices(study, row, table.filter(pc.equal(table["trial"], row["trial"]))) for row in study.rows if row["trial"] in scanned]
    return sorted(found, key=lambda s: (not s.cell.is_baseline, s.cell.rank or 10**6, s.cell.label, s.seed))


def _slices(study: Study, row: Row, table: pa.Table) -> Slices:
    line, plane = (table.filter(pc.equal(table["slice"], kind)).sort_by([("y", "ascending"), ("x", "ascending")]) for kind in ("1d", "2d"))
    places = np.unique(plane["x"].to_numpy())
    is_whole = plane.num_rows == len(places) ** 2
    square = _numbers(plane["loss"]).reshape(len(places), len(places)) if is_whole else np.empty((0, 0))
    return Slices(row["trial"], study.cells[row["cell"]], row["seed"], _numbers(line["x"]), _numbers(line["loss"]), places, square)


def _numbers(column: pa.ChunkedArray) -> Numbers:
    return np.asarray(column.to_numpy(), dtype=float)


def draw(shown: Sequence[Slices], every_cell: Sequence[Cell]) -> Figure:
    planes = [one for one in shown if np.isfinite(one.plane).any()][:MOST_PLANES]
    figure = Figure(figsize=(WIDTH, HEIGHT if len(planes) < 2 else 0.85 * HEIGHT))
    left, *others = figure.subplots(1, 1 + len(planes), squeeze=False)[0]
    _draw_lines(left, shown, every_cell)
    filled = _draw_planes(others, planes)
    if filled is not None:
        figure.colorbar(filled, ax=others, label="Validation loss (nats/token)", pad=0.02, ticks=MaxNLocator(6), format="{x:g}")
    return figure


def _draw_lines(axes: Axes, shown: Sequence[Slices], every_cell: Sequence[Cell]) -> None:
    colour = colours(every_cell)
    for one in shown:
        label = f"{cell_name(one.cell, 28)}, seed {one.seed}"
        axes.plot(one.x, one.loss, color=colour[one.cell.cell], label=label)
    axes.axvline(0, color="#999999", linewidth=0.6)
    axes.set(xlabel=_AXIS.format("First"), ylabel="Validation loss (nats/token)")
    axes.locator_params(axis="x", nbins=5)
    axes.legend(loc="upper center", fontsize=6)


def _draw_planes(grid: Sequence[Axes], planes: Sequence[Slices]) -> QuadContourSet | None:
    """All in one scale, so that they can be compared; losses far above the usual end it."""
    finite = [value for one in planes for value in one.plane.ravel().tolist() if np.isfinite(value)]
    if not finite:
        return None
    low, high = usual_range(finite, higher_is_better=False)
    levels = np.linspace(low, high if high > low else low + 1, _LEVELS)
    filled = None
    for axes, one in zip(grid, planes, strict=True):
        filled = axes.contourf(one.places, one.places, np.minimum(one.plane, levels[-1]), levels=levels, cmap="viridis")
        axes.plot(0, 0, "+", color="#FFFFFF", markersize=7)
        axes.set_title(f"{cell_name(one.cell, 28)}, seed {one.seed}", fontsize=7)
        axes.set(xlabel="First direction", ylabel="Second direction", aspect="equal")
        axes.locator_params(nbins=5)
        axes.grid(visible=False)
    return filled


def figure(study: Study) -> Figure | None:
    """The drawn figure; None when no run was scanned."""
    shown = slices(study)
    return draw(shown, list(study.cells.values())) if shown else None
