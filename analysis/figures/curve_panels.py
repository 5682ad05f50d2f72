"""Draws panels of curves side by side: explored trials thin, confirmed cells thick with their bands, one legend for all."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.figures.curves import Curve, Numbers, Panel
from analysis.figures.style import EXPLORED_COLOUR, HEIGHT, WIDTH, cell_name, colours, is_ramp, metric_label, name_decades, off_scale
from analysis.study import Cell
from trainable.spec.status import Status

MOST_IN_LEGEND, LONGEST_BESIDE = 16, 36
POINTS_OF_A_PANEL, MOST_POINTS, FEWEST_POINTS = 30_000, 500, 30
MOST_STRONG_BANDS, MOST_VECTORS = 4, 200
THIN, THICK = 0.6, 1.5
Limits = tuple[float, float]


def draw(shown: Sequence[Panel], cells: Sequence[Cell], limits: Sequence[Limits], *, log: bool = False) -> Figure:
    """One axes for each panel, upwards within its `limits`."""
    colour = colours(cells)
    handles = _legend(cells, colour, shown)
    beside = max(len(str(handle.get_label())) for handle in handles) <= LONGEST_BESIDE
    columns = 1 if max(len(str(handle.get_label())) for handle in handles) > 2 * LONGEST_BESIDE else 2
    rows = 0 if beside else -(-len(handles) // columns)
    figure = Figure(figsize=(WIDTH, HEIGHT + 0.16 * rows))
    grid = figure.subplots(1, len(shown), squeeze=False)[0]
    for axes, panel, ylim in zip(grid, shown, limits, strict=True):
        if log:
            axes.set_yscale("log")
        _draw_panel(axes, panel, colour, ylim)
        if log:
            name_decades(axes.yaxis)
    figure.legend(handles=handles, loc="outside right center" if beside else "outside lower center", ncols=1 if beside else columns)
    return figure


def _draw_panel(axes: Axes, panel: Panel, colour: dict[str, str], ylim: Limits) -> None:
    _draw_curves(axes, panel.curves, colour, ylim)
    paleness = 0.25 if len(panel.bands) <= MOST_STRONG_BANDS else 0.12
    for band in panel.bands:
        axes.fill_between(band.steps, band.mean - band.std, band.mean + band.std, color=colour[band.cell], alpha=paleness, linewidth=0)
        axes.plot(band.steps, band.mean, color=colour[band.cell], linewidth=THICK)
    axes.set(xlabel="Step", ylabel=metric_label(panel.metric), ylim=ylim)
    axes.set_xlim(left=0)
    for curve in panel.curves:
        if curve.status == Status.DIVERGED:
            off_scale(axes, [float(curve.steps[-1])], colour[curve.cell])


def _draw_curves(axes: Axes, curves: Sequence[Curve], colour: dict[str, str], ylim: Limits) -> None:
    """All lines as one artist, in a PDF as a picture where they are too many: a file of thousands of paths opens slowly."""
    most = max(FEWEST_POINTS, min(MOST_POINTS, POINTS_OF_A_PANEL // max(1, len(curves))))
    lines = [np.column_stack([thinned(curve.steps, most), thinned(curve.values, most)]) for curve in curves]
    shades, many = [colour[curve.cell] for curve in curves], len(curves) > MOST_VECTORS
    axes.add_collection(LineCollection(lines, colors=shades, linewidths=THIN, alpha=0.8, rasterized=many))
    axes.autoscale_view()
    stopped = [curve for curve in curves if curve.status == Status.STOPPED_EARLY]
    dots = [curve for curve in curves if len(curve.steps) == 1 and curve.status != Status.STOPPED_EARLY]
    ends = [min(float(curve.values[-1]), ylim[1]) for curve in stopped]
    edges = [colour[curve.cell] for curve in stopped]
    style: Any = {"facecolors": "none", "edgecolors": edges, "linewidths": 1.0, "clip_on": False, "zorder": 2.1, "rasterized": many}
    axes.scatter([curve.steps[-1] for curve in stopped], ends, s=16, marker="v", **style)
    axes.scatter([c.steps[0] for c in dots], [c.values[0] for c in dots], s=4, marker="o", color=[colour[c.cell] for c in dots], zorder=2.1)


def thinned(numbers: Numbers, most: int) -> Numbers:
    """About `most` of a curve's points, evenly, the last among them: more cannot be seen."""
    stride = -(-len(numbers) // most)
    return numbers[::-1][::stride][::-1] if stride > 1 else numbers


def _legend(cells: Sequence[Cell], colour: dict[str, str], shown: Sequence[Panel]) -> list[Line2D]:
    replicates = {band.cell: band.n for panel in shown for band in panel.bands}
    listed = cells if len(cells) <= MOST_IN_LEGEND else [cell for cell in cells if cell.cell in replicates or cell.is_baseline]
    handles = []
    for cell in listed:
        n = replicates.get(cell.cell)
        label = cell_name(cell) + (f", n = {n}" if n else "")
        handles.append(Line2D([], [], color=colour[cell.cell], linewidth=THICK if n else THIN, label=label))
    if len(listed) < len(cells):
        order = f", dark to light by {cells[0].label.split(' = ')[0]}" if is_ramp(cells) else ""
        text = f"{len(cells) - len(listed)} more, explored{order}"
        handles.append(Line2D([], [], color=EXPLORED_COLOUR, linewidth=THIN, label=text))
    seen = {curve.status for panel in shown for curve in panel.curves}
    for status, marker, text in ((Status.STOPPED_EARLY, "v", "stopped early"), (Status.DIVERGED, "x", "diverged")):
        if status in seen:
            handles.append(Line2D([], [], color="#888888", marker=marker, markerfacecolor="none", linestyle="", markersize=4.5, label=text))
    return handles
