"""Two metrics of every cell against each other, and the front: cells that no other beats in one without losing in the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.figures.cell_values import Spread, cell_values, costs_differ
from analysis.figures.key_axis import needs_log
from analysis.figures.quantity import Quantity, quantity
from analysis.figures.style import BASELINE_COLOUR, CATEGORIES, EXPLORED_COLOUR, HEIGHT, WIDTH, cell_name, name_decades
from analysis.study import Cell, Study

# Costs in the order in which one is chosen: the first that differs between the cells.
COSTS = ("optimizer_state_bytes", "memory/peak_gb", "duration_seconds")
_FRONT = CATEGORIES[0]
_MOST_LISTED = 12


@dataclass(frozen=True)
class Point:
    cell: Cell
    x: Spread
    y: Spread
    on_front: bool


@dataclass(frozen=True)
class Trade:
    """`points` in the order of `x`."""

    x: Quantity
    y: Quantity
    points: list[Point]

    @property
    def front(self) -> list[Point]:
        return [point for point in self.points if point.on_front]


def trade(study: Study, x: str, y: str) -> Trade:
    """What the figure shows, without drawing: cells with a full run that has both."""
    across, up = quantity(x, study.statement), quantity(y, study.statement)
    xs, ys = cell_values(study, across), cell_values(study, up)
    both = [cell for cell in xs if cell in ys]
    signs = [-1.0 if q.higher_is_better else 1.0 for q in (across, up)]
    merits = [(signs[0] * xs[cell].mean, signs[1] * ys[cell].mean) for cell in both]
    points = [Point(study.cells[cell], xs[cell], ys[cell], is_efficient(place, merits)) for place, cell in enumerate(both)]
    return Trade(across, up, sorted(points, key=lambda point: point.x.mean))


def is_efficient(place: int, merits: Sequence[tuple[float, float]]) -> bool:
    """Whether no other of the `merits` (lower is better) is at least as good in both and better in one."""
    x, y = merits[place]
    return not any(a <= x and b <= y and (a, b) != (x, y) for a, b in merits)


def default_cost(study: Study) -> str:
    """The first of `COSTS` that differs between the cells; training time where none does."""
    for column in COSTS[:-1]:
        means = {round(spread.mean, 6) for spread in cell_values(study, quantity(column, study.statement)).values()}
        if len(means) > 1 and (column != "memory/peak_gb" or costs_differ(study)):
            return column
    return COSTS[-1]


def draw(data: Trade) -> Figure:
    figure = Figure(figsize=(WIDTH, 1.15 * HEIGHT))
    axes = figure.subplots()
    for point in data.points:
        _draw_point(axes, point)
    front = [(point.x.mean, point.y.mean) for point in data.front]
    axes.plot([x for x, _ in front], [y for _, y in front], color=_FRONT, linewidth=1.0, drawstyle=_steps(data), zorder=2)
    axes.margins(0.08)
    if needs_log([point.x.mean for point in data.points]):
        axes.set_xscale("log")
        name_decades(axes.xaxis)
    if needs_log([point.y.mean for point in data.points]):
        axes.set_yscale("log")
        name_decades(axes.yaxis)
    axes.set(xlabel=_arrow(data.x), ylabel=_arrow(data.y))
    listed = sorted(data.front, key=lambda point: point.x.mean)
    for number, point in enumerate(listed, 1):
        offset: Any = {"xytext": (4, 4), "textcoords": "offset points"}
        axes.annotate(str(number), (point.x.mean, point.y.mean), fontsize=7, fontweight="bold", color=_FRONT, **offset)
    figure.legend(handles=_legend(data, listed), loc="outside right center")
    return figure


def _draw_point(axes: Axes, point: Point) -> None:
    colour = _FRONT if point.on_front else EXPLORED_COLOUR
    face = colour if point.cell.confirmed else "#FFFFFF"
    errors: Any = {"xerr": point.x.error or None, "yerr": point.y.error or None, "elinewidth": 0.8, "capsize": 2}
    axes.errorbar(point.x.mean, point.y.mean, fmt="o", color=colour, markerfacecolor=face, markersize=4.5, zorder=3, **errors)
    if point.cell.is_baseline:
        axes.plot(point.x.mean, point.y.mean, "s", color=BASELINE_COLOUR, markerfacecolor="none", markersize=9, zorder=4)


def _steps(data: Trade) -> str:
    """The edge of what is reached: a step goes on at the value so far until the next point betters it."""
    return "steps-pre" if data.x.higher_is_better else "steps-post"


def _arrow(wanted: Quantity) -> str:
    return f"{wanted.label}, {'higher' if wanted.higher_is_better else 'lower'} is better"


def _legend(data: Trade, listed: Sequence[Point]) -> list[Line2D]:
    def mark(label: str, marker: str, colour: str, face: str) -> Line2D:
        return Line2D([], [], linestyle="", marker=marker, color=colour, markerfacecolor=face, markersize=4.5, label=label)

    texts = [f"{number}  {cell_name(point.cell, 40)}" for number, point in enumerate(listed, 1)]
    more = [f"and {len(texts) - _MOST_LISTED} more"] if len(texts) > _MOST_LISTED else []
    handles = [Line2D([], [], linestyle="", label=text) for text in texts[:_MOST_LISTED] + more]
    handles.append(Line2D([], [], linestyle="", label=" "))
    if any(point.cell.confirmed for point in data.points):
        handles.append(mark("confirmed, mean ± std over seeds", "o", "#666666", "#666666"))
    if not all(point.cell.confirmed for point in data.points):
        handles.append(mark("explored, one full run", "o", "#666666", "#FFFFFF"))
    if any(point.cell.is_baseline for point in data.points):
        handles.append(mark("baseline", "s", BASELINE_COLOUR, "none"))
    return handles


def figure(study: Study) -> Figure | None:
    """The sweep's metric against what it costs; None when fewer than two cells have both."""
    return of_metrics(study, [default_cost(study), study.statement.metric])


def of_metrics(study: Study, metrics: Sequence[str]) -> Figure | None:
    """The same for two columns of ``trials.parquet``: the first to the right, the second upwards."""
    data = trade(study, metrics[0], metrics[1])
    return draw(data) if len(data.points) > 1 else None
