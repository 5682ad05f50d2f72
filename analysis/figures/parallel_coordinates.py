"""Every cell as a line through the swept keys to its metric: which values go together in the best of them."""

from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.cell_values import cell_values
from analysis.figures.key_axis import KeyAxis, key_axes
from analysis.figures.metric_colours import MetricColours, metric_colours
from analysis.figures.quantity import Quantity, quantity
from analysis.figures.style import EXPLORED_COLOUR, HEIGHT, WIDTH, shortened
from analysis.study import Study, short_names

_UPRIGHT = 12


@dataclass(frozen=True)
class Line:
    """One cell: its `shares` along the keys' axes (0 to 1), and its metric over full runs; None when it had none."""

    cell: str
    shares: tuple[float, ...]
    value: float | None


@dataclass(frozen=True)
class Coordinates:
    """`lines` with the best one last, so that it lies on top."""

    keys: list[KeyAxis]
    metric: Quantity
    lines: list[Line]


def coordinates(study: Study) -> Coordinates:
    """What the figure shows, without drawing."""
    keys, metric = key_axes(study), quantity(study.statement.metric, study.statement)
    means = {cell: spread.mean for cell, spread in cell_values(study, metric).items()}
    lines = [Line(name, tuple(axis.share(cell.values[axis.key]) for axis in keys), means.get(name)) for name, cell in study.cells.items()]
    sign = 1.0 if metric.higher_is_better else -1.0
    return Coordinates(keys, metric, sorted(lines, key=lambda line: (line.value is not None, sign * (line.value or 0.0))))


def draw(data: Coordinates) -> Figure:
    figure = Figure(figsize=(WIDTH, HEIGHT))
    axes = figure.subplots()
    colour = metric_colours([line.value for line in data.lines if line.value is not None], data.metric)
    last = [line for line in data.lines if line.value is not None][-1]
    for line in data.lines:
        _draw_line(axes, line, colour, is_best=line is last)
    names = short_names([axis.key for axis in data.keys])
    axes.set_xticks(range(len(data.keys)), [names[axis.key] + axis.remark for axis in data.keys])
    last_place = len(data.keys) - 1
    axes.set(xlim=(-0.1 * last_place, 1.1 * last_place), ylim=(-0.06, 1.06), yticks=[])
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(axis="x", length=0)
    for place, axis in enumerate(data.keys):
        _draw_key(axes, place, axis)
    colour.bar(figure, [axes])
    unknown = sum(line.value is None for line in data.lines)
    if unknown:
        axes.set_title(f"grey: {unknown} cells without a full run", loc="left", fontsize=7, color="#666666")
    return figure


def _draw_line(axes: Axes, line: Line, colour: MetricColours, *, is_best: bool) -> None:
    places = range(len(line.shares))
    if line.value is None:
        axes.plot(places, line.shares, color=EXPLORED_COLOUR, linewidth=0.6, alpha=0.6)
    else:
        axes.plot(places, line.shares, color=colour.of(line.value), linewidth=2.2 if is_best else 0.9, alpha=1.0 if is_best else 0.85)


def _draw_key(axes: Axes, place: int, axis: KeyAxis) -> None:
    """The axis with its values beside it: to its left at the first one, where no line runs."""
    side = -1 if place == 0 else 1
    axes.plot([place, place], [0, 1], color="#000000", linewidth=0.7, zorder=5)
    low, high = axis.place(axis.values[0]), axis.place(axis.values[-1])
    box: Any = {"facecolor": "#FFFFFF", "alpha": 0.75, "edgecolor": "none", "pad": 0.4}
    offset: Any = {"xytext": (4 * side, 0), "textcoords": "offset points", "ha": "right" if side < 0 else "left", "va": "center"}
    for at, text in axis.ticks():
        share = (at - low) / (high - low)
        axes.plot(place, share, "_", color="#000000", markersize=5, zorder=5)
        axes.annotate(shortened(text, _UPRIGHT), (place, share), fontsize=6.5, zorder=6, bbox=box, **offset)


def figure(study: Study) -> Figure | None:
    """The drawn figure; None when fewer than two keys take more than one value, or no cell has a full run."""
    data = coordinates(study)
    has_value = any(line.value is not None for line in data.lines)
    return draw(data) if len(data.keys) > 1 and has_value else None


def is_telling(study: Study) -> bool:
    """Whether enough keys vary, numbers among them, for lines to show what a table does not."""
    axes = key_axes(study)
    return len(axes) > 2 and sum(axis.is_numeric for axis in axes) > 1
