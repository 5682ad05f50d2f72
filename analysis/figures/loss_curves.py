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
    metric: str
    curves: list[Curve]
    bands: list[Band]
    low: float
    high: float


def panels(study: Study) -> list[Panel]:
    """What the figure shows, without drawing: one panel for each loss that was measured."""
    built = [_panel(metric, curves_of(study, metric)) for metric in PANELS]
    return [panel for panel in built if panel is not None]


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


def _panel(metric: str, curves: list[Curve]) -> Panel | None:
    if not curves:
        return None
    done = [curve for curve in curves if curve.stage == Stage.CONFIRM and curve.status == Status.COMPLETED]
    cells = dict.fromkeys(curve.cell for curve in done)
    bands = [band for cell in cells if (band := _band(cell, [curve for curve in done if curve.cell == cell])) is not None]
    return Panel(metric, [curve for curve in curves if curve not in done], bands, *_limits(curves, bands))


def _band(cell: str, curves: Sequence[Curve]) -> Band | None:
    steps = curves[0].steps
    for curve in curves[1:]:
        steps = np.intersect1d(steps, curve.steps)
    if not len(steps):
        return None
    stacked = np.stack([curve.values[np.isin(curve.steps, steps)] for curve in curves])
    std = stacked.std(axis=0, ddof=1) if len(curves) > 1 else np.zeros(len(steps))
    return Band(cell, steps, stacked.mean(axis=0), std, len(curves))


def _limits(curves: Sequence[Curve], bands: Sequence[Band]) -> tuple[float, float]:
    """From the lowest value to where training starts, so that a diverging trial does not flatten the others."""
    low = min(float(curve.values.min()) for curve in curves)
    starts = [float(curve.values[0]) for curve in curves if curve.status != Status.DIVERGED] or [float(curve.values[0]) for curve in curves]
    high = min(max(starts), 2.0 * float(np.median(starts)))
    high = max([high, *(float((band.mean + band.std).max()) for band in bands)])
    margin = 0.04 * (high - low) or 0.1 * abs(high) or 1.0
    return low - margin, high + margin


def draw(shown: Sequence[Panel], cells: Sequence[Cell]) -> Figure:
    colour = colours(cells)
    handles = _legend(cells, colour, shown)
    beside = max(len(str(handle.get_label())) for handle in handles) <= LONGEST_BESIDE
    figure = Figure(figsize=(WIDTH, HEIGHT if beside else HEIGHT + 0.16 * (len(handles) + 1) // 2))
    for axes, panel in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        _draw_panel(axes, panel, colour)
    figure.legend(handles=handles, loc="outside right center" if beside else "outside lower center", ncols=1 if beside else 2)
    return figure


def _draw_panel(axes: Axes, panel: Panel, colour: dict[str, str]) -> None:
    for curve in panel.curves:
        point = "." if len(curve.steps) == 1 and curve.status != Status.STOPPED_EARLY else "none"
        axes.plot(curve.steps, curve.values, marker=point, markersize=3, color=colour[curve.cell], linewidth=THIN, alpha=0.8)
        if curve.status == Status.STOPPED_EARLY:
            axes.plot(curve.steps[-1:], curve.values[-1:], "v", markerfacecolor="none", markeredgecolor=colour[curve.cell], markersize=4)
    for band in panel.bands:
        axes.fill_between(band.steps, band.mean - band.std, band.mean + band.std, color=colour[band.cell], alpha=0.25, linewidth=0)
        axes.plot(band.steps, band.mean, color=colour[band.cell], linewidth=THICK)
    axes.set(xlabel="Step", ylabel=metric_label(panel.metric), ylim=(panel.low, panel.high))
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
