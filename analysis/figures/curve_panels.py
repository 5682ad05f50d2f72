"""Draws panels of curves side by side: explored trials thin, confirmed cells thick with their bands, one legend for all."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.figures.curves import Curve, Numbers, Panel
from analysis.figures.style import EXPLORED_COLOUR, HEIGHT, WIDTH, cell_name, colours, is_ramp, metric_label, name_decades, off_scale
from analysis.study import Cell
from trainable.spec.status import Status

MOST_IN_LEGEND, LONGEST_BESIDE = 16, 36
MOST_POINTS, MOST_STRONG_BANDS = 500, 4
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
    for curve in panel.curves:
        point = "." if len(curve.steps) == 1 and curve.status != Status.STOPPED_EARLY else "none"
        style: Any = {"marker": point, "markersize": 3, "color": colour[curve.cell], "linewidth": THIN, "alpha": 0.8}
        axes.plot(thinned(curve.steps), thinned(curve.values), **style)
        if curve.status == Status.STOPPED_EARLY:
            at = min(curve.values[-1], ylim[1])
            axes.plot(curve.steps[-1], at, "v", markerfacecolor="none", markeredgecolor=colour[curve.cell], markersize=4, clip_on=False)
    paleness = 0.25 if len(panel.bands) <= MOST_STRONG_BANDS else 0.12
    for band in panel.bands:
        axes.fill_between(band.steps, band.mean - band.std, band.mean + band.std, color=colour[band.cell], alpha=paleness, linewidth=0)
        axes.plot(band.steps, band.mean, color=colour[band.cell], linewidth=THICK)
    axes.set(xlabel="Step", ylabel=metric_label(panel.metric), ylim=ylim)
    axes.set_xlim(left=0)
    for curve in _diverged(panel):
        off_scale(axes, [float(curve.steps[-1])], colour[curve.cell])


def _diverged(panel: Panel) -> list[Curve]:
    return [curve for curve in panel.curves if curve.status == Status.DIVERGED]


def thinned(numbers: Numbers) -> Numbers:
    """At most about `MOST_POINTS` of a curve's points, evenly, the last among them: more cannot be seen."""
    stride = -(-len(numbers) // MOST_POINTS)
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
