"""The sweep's metric against each varied value: confirmed cells with error bars over seeds, explored trials hollow."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.columns import CONFIG_PREFIX
from analysis.compare import replicates
from analysis.figures.key_axis import needs_log
from analysis.figures.style import BASELINE_COLOUR, CATEGORIES, HEIGHT, WIDTH, key_label, metric_label, off_scale, shortened, slant_names
from analysis.study import Cell, Study, order_of, short_names, shown
from trainable.spec.status import Stage, Status

CONFIRMED, FULL, STOPPED = CATEGORIES[0], CATEGORIES[0], "#888888"
DIVERGED = CATEGORIES[1]
DASHED = (0, (4, 3))
MOST_UPRIGHT, LONGEST_NAME, LONGEST_LABEL = 6, 18, 48


@dataclass(frozen=True)
class Confirmed:
    """A cell over its seeds: every seed's value, their mean, and their sample standard deviation (None for one seed)."""

    cell: Cell
    seeds: tuple[float, ...]
    mean: float
    std: float | None


@dataclass(frozen=True)
class ByValue:
    """One panel. `full` and `stopped` are explored trials, those stopped early with their value at the stop; `x` are raw values."""

    key: str
    metric: str
    higher_is_better: bool
    confirmed: list[tuple[Any, Confirmed]]
    full: list[tuple[Any, float]]
    stopped: list[tuple[Any, float]]
    diverged: list[Any]
    baseline: Any

    @property
    def values(self) -> list[Any]:
        """Every x of the panel once, in order."""
        points = [*self.full, *self.stopped]
        every = [*(x for x, _ in self.confirmed), *(x for x, _ in points), *self.diverged]
        unique = {str(x): x for x in [*every, self.baseline] if x is not None}
        return sorted(unique.values(), key=order_of)


def by_value(study: Study, key: str) -> ByValue:
    """What the panel of `key` shows, without drawing."""
    statement, column = study.statement, CONFIG_PREFIX + key
    known = [row for row in study.rows if row[column] is not None]
    measured = [row for row in known if row["stage"] == Stage.EXPLORE and _finite(row.get(statement.metric))]
    ended = {status: [(row[column], row[statement.metric]) for row in measured if row["status"] == status] for status in Status}
    return ByValue(
        key=key,
        metric=statement.metric,
        higher_is_better=statement.higher_is_better,
        confirmed=[(point.cell.values[key], point) for point in confirmed(study) if point.cell.values[key] is not None],
        full=ended[Status.COMPLETED],
        stopped=ended[Status.STOPPED_EARLY],
        diverged=[row[column] for row in known if row["status"] == Status.DIVERGED],
        baseline=statement.baseline_values.get(key),
    )


def _finite(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def confirmed(study: Study) -> list[Confirmed]:
    """Every cell with a completed confirmation, in the order of its values."""
    points = []
    for cell in study.cells.values():
        seeds = tuple(replicates(study.rows, cell.cell, study.statement.metric, study.statement.seeds).values.values())
        if seeds:
            points.append(Confirmed(cell, seeds, fmean(seeds), stdev(seeds) if len(seeds) > 1 else None))
    return points


def worst_shown(data: ByValue) -> float | None:
    """The value beyond which a point is drawn at the edge, so that a trial about to diverge does not flatten the others."""
    values = [y for _, y in [*data.full, *data.stopped]] + [point.mean for _, point in data.confirmed]
    if not values or data.higher_is_better or min(values) <= 0:
        return None
    return max([2 * median(values), *(point.mean + (point.std or 0.0) for _, point in data.confirmed)])


def draw(panels: Sequence[ByValue], points: Sequence[Confirmed]) -> Figure:
    """One axes for each varied key with every trial, and one with the confirmed cells alone on their own scale."""
    count = len(panels) + bool(points)
    figure = Figure(figsize=(WIDTH if count > 1 else 0.7 * WIDTH, 0.25 + HEIGHT * math.ceil(count / 2)))
    grid = figure.subplots(math.ceil(count / 2), min(count, 2), squeeze=False).ravel()
    for axes, data in zip(grid, panels, strict=False):
        places = _prepare(axes, data, data.values)
        beyond = _draw_explored(axes, data, places, worst_shown(data))
        _draw_confirmed(axes, [places[str(x)] for x, _ in data.confirmed], [point for _, point in data.confirmed])
        _mark_edge(axes, data, places, beyond)
        if _spans_decades([point.mean for _, point in data.confirmed]):
            axes.set_yscale("log")
    if points:
        _draw_zoom(grid[len(panels)], points, panels)
    for axes in grid[count:]:
        axes.set_visible(False)
    figure.legend(handles=_legend(panels), loc="outside lower center", ncols=4)
    return figure


def _prepare(axes: Axes, data: ByValue, values: Sequence[Any]) -> dict[str, float]:
    """Scale, ticks, labels and the line of the baseline; returns the place of each value on the axis, by its text."""
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    places = {str(value): float(value) if numeric else float(place) for place, value in enumerate(values)}
    if needs_log(values):
        axes.set_xscale("log")
        if len(values) <= MOST_UPRIGHT and all(isinstance(value, int) for value in values):
            axes.set_xticks(values, [shown(value) for value in values])
            axes.set_xticks([], minor=True)
    if not numeric:
        axes.set_xticks(list(places.values()), [shortened(shown(value), LONGEST_NAME) for value in values])
        if len(values) > MOST_UPRIGHT - 2:
            slant_names(axes)
    if str(data.baseline) in places:
        axes.axvline(places[str(data.baseline)], color=BASELINE_COLOUR, linewidth=0.8, linestyle=DASHED, zorder=1)
    axes.set(title="Every trial", xlabel=fill(key_label(data.key, values), LONGEST_LABEL), ylabel=metric_label(data.metric))
    return places


def _draw_confirmed(axes: Axes, places: Sequence[float], points: Sequence[Confirmed]) -> None:
    means, stds = [point.mean for point in points], [point.std or 0.0 for point in points]
    axes.errorbar(places, means, yerr=stds, fmt="o", color=CONFIRMED, markersize=3.5, capsize=3, elinewidth=1.0, zorder=4)


def _draw_zoom(axes: Axes, points: Sequence[Confirmed], panels: Sequence[ByValue]) -> None:
    """The confirmed cells on evenly spaced places, each seed beside its mean."""
    _draw_confirmed(axes, range(len(points)), points)
    for place, point in enumerate(points):
        axes.plot([place + 0.12] * len(point.seeds), point.seeds, "o", color=CONFIRMED, alpha=0.45, markersize=2.5, markeredgewidth=0)
    upright = len(points) <= MOST_UPRIGHT
    names = [[*map(shown, point.cell.values.values()), *([point.cell.role] if point.cell.role else [])] for point in points]
    ticks = ["\n".join(shortened(part, LONGEST_NAME) for part in name) if upright else shortened(", ".join(name), 30) for name in names]
    axes.set_xticks(range(len(points)), ticks)
    if not upright:
        slant_names(axes)
    if _spans_decades([point.mean for point in points]):
        axes.set_yscale("log")
    keys = [data.key for data in panels]
    axes.set(title="Confirmed on fresh seeds", xlim=(-0.6, len(points) - 0.4), ylabel=metric_label(panels[0].metric))
    axes.set_xlabel(key_label(keys[0]) if len(keys) == 1 else ", ".join(short_names(keys).values()))


def _spans_decades(means: Sequence[float]) -> bool:
    """Whether one confirmed cell would flatten all others on a linear axis."""
    return bool(means) and min(means) > 0 and max(means) > 100 * min(means)


def _draw_explored(axes: Axes, data: ByValue, places: dict[str, float], worst: float | None) -> list[float]:
    """Draws explored trials hollow; returns the places of those beyond `worst`."""
    beyond = []
    for points, marker, colour in ((data.full, "o", FULL), (data.stopped, "v", STOPPED)):
        inside = [(places[str(x)], y) for x, y in points if worst is None or y <= worst]
        beyond += [places[str(x)] for x, y in points if worst is not None and y > worst]
        axes.plot(
            [x for x, _ in inside], [y for _, y in inside], marker, markerfacecolor="none", markeredgecolor=colour, markersize=4.5, zorder=3
        )
    return beyond


def _mark_edge(axes: Axes, data: ByValue, places: dict[str, float], beyond: Sequence[float]) -> None:
    at_top = not data.higher_is_better
    if beyond:
        edge = axes.get_xaxis_transform()
        axes.plot(
            beyond, [1.0] * len(beyond), "^", transform=edge, markerfacecolor="none", markeredgecolor=STOPPED, markersize=5, clip_on=False
        )
    if data.diverged:
        off_scale(axes, [places[str(x)] for x in data.diverged], DIVERGED, at_top=at_top)


def _legend(panels: Sequence[ByValue]) -> list[Line2D]:
    def mark(label: str, colour: str, marker: str, face: str = "none") -> Line2D:
        return Line2D([], [], color=colour, marker=marker, markerfacecolor=face, linestyle="", markersize=4.5, label=label)

    seeds = sorted({len(point.seeds) for data in panels for _, point in data.confirmed})
    count = f", n = {'-'.join(map(str, dict.fromkeys([seeds[0], seeds[-1]])))}" if seeds else ""
    handles = [mark(f"confirmed (mean ± std over seeds{count})", CONFIRMED, "o", CONFIRMED)] if seeds else []
    if any(data.full for data in panels):
        handles.append(mark("explored, full run", FULL, "o"))
    if any(data.stopped for data in panels):
        handles.append(mark("explored, at its early stop", STOPPED, "v"))
    if any(_is_beyond(data) for data in panels):
        handles.append(mark("beyond the axis", STOPPED, "^"))
    if any(data.diverged for data in panels):
        handles.append(mark("diverged", DIVERGED, "x"))
    if any(data.baseline is not None for data in panels):
        handles.append(Line2D([], [], color=BASELINE_COLOUR, linewidth=0.8, linestyle=DASHED, label="baseline"))
    return handles


def _is_beyond(data: ByValue) -> bool:
    worst = worst_shown(data)
    return worst is not None and any(y > worst for _, y in [*data.full, *data.stopped])


def figure(study: Study) -> Figure | None:
    """The drawn figure, one panel for each varied key; None when nothing varies or nothing was measured."""
    panels = [by_value(study, key) for key in study.statement.varied]
    drawable = [data for data in panels if data.confirmed or data.full or data.stopped]
    return draw(drawable, confirmed(study)) if drawable else None
