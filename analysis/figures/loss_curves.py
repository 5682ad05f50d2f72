"""Training and validation loss by step: explored trials thin, confirmed cells as mean and one standard deviation over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from analysis.figures.style import EXPLORED_COLOUR, HEIGHT, WIDTH, colours, is_ramp, metric_label, off_scale
from analysis.study import Cell, Study
from trainable.spec.status import Stage, Status

PANELS = ("train/loss", "eval/loss")
MOST_IN_LEGEND, LONGEST_BESIDE = 16, 36
THIN, THICK = 0.6, 1.5
Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """One trial's measured values, in order of steps."""

    trial: str
    cell: str
    stage: str
    status: str
    steps: Numbers
    values: Numbers


@dataclass(frozen=True, eq=False)
class Band:
    """Mean and sample standard deviation over the `n` completed seeds of a confirmed cell, at the steps that all of them have."""

    cell: str
    steps: Numbers
    mean: Numbers
    std: Numbers
    n: int


@dataclass(frozen=True)
class Panel:
    """One loss: `curves` are drawn one by one, `bands` stand for the completed confirmations."""

    metric: str
    curves: list[Curve]
    bands: list[Band]


def panels(study: Study) -> list[Panel]:
    """What the figure shows, without drawing: one panel for each loss that was measured."""
    measured = ((metric, curves_of(study, metric)) for metric in PANELS)
    return [_panel(metric, curves) for metric, curves in measured if curves]


def curves_of(study: Study, metric: str) -> list[Curve]:
    """Every trial's curve of `metric`; only finite values, so a diverged one ends where it was last finite."""
    with pq.ParquetFile(study.metrics) as file:
        table = file.read(columns=["trial", "step", metric])
    names = table["trial"].to_numpy(zero_copy_only=False)
    steps, values = table["step"].to_numpy().astype(float), table[metric].to_numpy(zero_copy_only=False).astype(float)
    curves = []
    for row in study.rows:
        start, end = np.searchsorted(names, row["trial"], "left"), np.searchsorted(names, row["trial"], "right")
        finite = np.isfinite(values[start:end])
        x, y = steps[start:end][finite], values[start:end][finite]
        if len(x):
            curves.append(Curve(row["trial"], row["cell"], row["stage"], row["status"], x, y))
    return curves


def _panel(metric: str, curves: list[Curve]) -> Panel:
    done = [curve for curve in curves if curve.stage == Stage.CONFIRM and curve.status == Status.COMPLETED]
    cells = dict.fromkeys(curve.cell for curve in done)
    bands = [band for cell in cells if (band := _band(cell, [curve for curve in done if curve.cell == cell])) is not None]
    return Panel(metric, [curve for curve in curves if curve not in done], bands)


def _band(cell: str, curves: Sequence[Curve]) -> Band | None:
    steps = curves[0].steps
    for curve in curves[1:]:
        steps = np.intersect1d(steps, curve.steps)
    if not len(steps):
        return None
    stacked = np.stack([curve.values[np.isin(curve.steps, steps)] for curve in curves])
    std = stacked.std(axis=0, ddof=1) if len(curves) > 1 else np.zeros(len(steps))
    return Band(cell, steps, stacked.mean(axis=0), std, len(curves))


def limits(shown: Sequence[Panel]) -> tuple[float, float]:
    """The common range of the panels: from the lowest value to where training starts.

    A trial that starts far above the others, or climbs, leaves the axes at the top instead of flattening the others.
    """
    firsts = [[c.values[0] for c in panel.curves] + [band.mean[0] for band in panel.bands] for panel in shown]
    usual = max(float(np.median(values)) for values in firsts)
    highs = [first for values in firsts for first in values if first <= 1.25 * usual]
    bands = [band for panel in shown for band in panel.bands]
    low = min([c.values.min() for panel in shown for c in panel.curves] + [(band.mean - band.std).min() for band in bands])
    high = max(highs + [(band.mean + band.std).max() for band in bands])
    margin = 0.04 * (high - low) or 0.1 * abs(high) or 1.0
    return float(low - margin), float(high + margin)


def draw(shown: Sequence[Panel], cells: Sequence[Cell]) -> Figure:
    colour = colours(cells)
    handles = _legend(cells, colour, shown)
    beside = max(len(str(handle.get_label())) for handle in handles) <= LONGEST_BESIDE
    figure = Figure(figsize=(WIDTH, HEIGHT if beside else HEIGHT + 0.16 * (len(handles) + 1) // 2))
    grid = figure.subplots(1, len(shown), squeeze=False)[0]
    for axes, panel in zip(grid, shown, strict=True):
        _draw_panel(axes, panel, colour, limits(shown))
    figure.legend(handles=handles, loc="outside right center" if beside else "outside lower center", ncols=1 if beside else 2)
    return figure


def _draw_panel(axes: Axes, panel: Panel, colour: dict[str, str], ylim: tuple[float, float]) -> None:
    for curve in panel.curves:
        point = "." if len(curve.steps) == 1 and curve.status != Status.STOPPED_EARLY else "none"
        axes.plot(curve.steps, curve.values, marker=point, markersize=3, color=colour[curve.cell], linewidth=THIN, alpha=0.8)
        if curve.status == Status.STOPPED_EARLY:
            at = min(curve.values[-1], ylim[1])
            axes.plot(curve.steps[-1], at, "v", markerfacecolor="none", markeredgecolor=colour[curve.cell], markersize=4, clip_on=False)
    for band in panel.bands:
        axes.fill_between(band.steps, band.mean - band.std, band.mean + band.std, color=colour[band.cell], alpha=0.25, linewidth=0)
        axes.plot(band.steps, band.mean, color=colour[band.cell], linewidth=THICK)
    axes.set(xlabel="Step", ylabel=metric_label(panel.metric), ylim=ylim)
    axes.set_xlim(left=0)
    for curve in panel.curves:
        if curve.status == Status.DIVERGED:
            off_scale(axes, [float(curve.steps[-1])], colour[curve.cell])


def _legend(cells: Sequence[Cell], colour: dict[str, str], shown: Sequence[Panel]) -> list[Line2D]:
    replicates = {band.cell: band.n for panel in shown for band in panel.bands}
    listed = cells if len(cells) <= MOST_IN_LEGEND else [cell for cell in cells if cell.cell in replicates or cell.is_baseline]
    handles = []
    for cell in listed:
        n = replicates.get(cell.cell)
        label = f"{cell.title}, n = {n}" if n else cell.title
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


def figure(study: Study) -> Figure | None:
    """The drawn figure; None when no trial has a loss."""
    shown = panels(study)
    return draw(shown, list(study.cells.values())) if shown else None
