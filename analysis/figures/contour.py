"""The metric over two swept keys at a time: points for what was tried, a surface between them where there are enough."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.tri import Triangulation
from scipy.spatial import QhullError
from scipy.stats import rankdata

from analysis.figures.cell_values import cell_values
from analysis.figures.key_axis import KeyAxis, key_axes
from analysis.figures.metric_colours import MetricColours, metric_colours
from analysis.figures.quantity import Quantity, quantity
from analysis.figures.style import HEIGHT, WIDTH, shortened, slant_names
from analysis.study import Study, short_names

MOST_KEYS = 3
_ENOUGH, _LEVELS = 6, 12


@dataclass(frozen=True)
class Pair:
    """Two keys: `points` are cells with a full run, as values of the keys and the metric's mean; `others` had none."""

    x: KeyAxis
    y: KeyAxis
    metric: Quantity
    points: list[tuple[Any, Any, float]]
    others: list[tuple[Any, Any]]


def pair(study: Study, x: KeyAxis, y: KeyAxis) -> Pair:
    """What one panel shows, without drawing."""
    metric = quantity(study.statement.metric, study.statement)
    means = {cell: spread.mean for cell, spread in cell_values(study, metric).items()}
    at = {name: (cell.values[x.key], cell.values[y.key]) for name, cell in study.cells.items()}
    points = [(*at[name], mean) for name, mean in means.items()]
    return Pair(x, y, metric, points, [place for name, place in at.items() if name not in means])


def strongest(study: Study, most: int = MOST_KEYS) -> list[KeyAxis]:
    """At most `most` keys that explain most of the metric over cells with a full run, in the sweep's order."""
    axes, metric = key_axes(study), quantity(study.statement.metric, study.statement)
    means = {cell: spread.mean for cell, spread in cell_values(study, metric).items()}
    strength = {axis.key: explained(axis, [study.cells[cell].values[axis.key] for cell in means], list(means.values())) for axis in axes}
    kept = set(sorted(strength, key=lambda key: -strength[key])[:most])
    return [axis for axis in axes if axis.key in kept]


def explained(axis: KeyAxis, values: Sequence[Any], metric: Sequence[float]) -> float:
    """Share of the variance of the metric's ranks that a parabola in the key explains (for names: that their means explain), in [0, 1].

    A parabola, because the best learning rate lies between two that are worse; ranks, because some trials are far worse than all others.
    """
    if len(metric) < 2 or len(set(metric)) < 2:
        return 0.0
    ranks = rankdata(metric) - (len(metric) + 1) / 2
    if axis.is_numeric:
        design = np.vander([axis.share(value) for value in values], 3)
    else:
        names = [str(value) for value in values]
        design = np.array([[name == other for other in sorted(set(names))] for name in names], dtype=float)
    fitted = design @ np.linalg.lstsq(design, ranks, rcond=None)[0]
    return float(1 - np.sum((ranks - fitted) ** 2) / np.sum(ranks**2))


def draw(pairs: Sequence[Pair]) -> Figure:
    figure = Figure(figsize=(WIDTH if len(pairs) > 1 else 0.6 * WIDTH, HEIGHT if len(pairs) < 3 else 0.9 * HEIGHT))
    grid = figure.subplots(1, len(pairs), squeeze=False)[0]
    colour = metric_colours([value for data in pairs for _, _, value in data.points], pairs[0].metric)
    for axes, data in zip(grid, pairs, strict=True):
        _draw_pair(axes, data, colour)
    colour.bar(figure, list(grid))
    return figure


def _draw_pair(axes: Axes, data: Pair, colour: MetricColours) -> None:
    x, y = [data.x.place(p[0]) for p in data.points], [data.y.place(p[1]) for p in data.points]
    values = [value for _, _, value in data.points]
    if (surface := triangles(data)) is not None:
        low, high = colour.range
        shown = np.clip(values, low, high)
        levels = np.geomspace(low, high, _LEVELS) if colour.is_log else np.linspace(low, high, _LEVELS)
        axes.tricontourf(Triangulation(x, y, surface), shown, levels=levels, norm=colour.scale, cmap=colour.map, alpha=0.75)
    size = 16 if data.x.is_numeric and data.y.is_numeric else 45
    axes.scatter(x, y, c=[colour.of(value) for value in values], s=size, edgecolors="#000000", linewidths=0.5, zorder=3)
    without = [(data.x.place(a), data.y.place(b)) for a, b in data.others]
    axes.plot([a for a, _ in without], [b for _, b in without], "x", color="#666666", markersize=3.5, markeredgewidth=0.8, zorder=2)
    names = short_names([data.x.key, data.y.key])
    axes.set(xlabel=names[data.x.key] + data.x.remark, ylabel=names[data.y.key] + data.y.remark)
    axes.set_xticks(*_ticks(data.x))
    axes.set_yticks(*_ticks(data.y))
    if len(data.x.ticks()) > 3:
        slant_names(axes)
    axes.margins(0.08)


def triangles(data: Pair) -> Any:
    """The triangles between the points, or None where no surface can be told: names, few points, or all of them on a line."""
    if not (data.x.is_numeric and data.y.is_numeric) or len(data.points) < _ENOUGH:
        return None
    shares = [(data.x.share(a), data.y.share(b)) for a, b, _ in data.points]
    if len(set(shares)) < len(shares) or np.linalg.matrix_rank(np.array(shares) - shares[0], tol=1e-6) < 2:
        return None
    try:
        return Triangulation([a for a, _ in shares], [b for _, b in shares]).triangles
    except (RuntimeError, QhullError):
        return None


def _ticks(axis: KeyAxis) -> tuple[list[float], list[str]]:
    ticks = axis.ticks()
    return [place for place, _ in ticks], [shortened(text, 12) for _, text in ticks]


def figure(study: Study) -> Figure | None:
    """The drawn figure, one panel for each pair of the strongest keys; None when there are not two, or no cell has a full run."""
    return of_keys(study, [axis.key for axis in strongest(study)])


def is_telling(study: Study) -> bool:
    """Whether two numbers vary, so that there is a plane to show."""
    return sum(axis.is_numeric for axis in key_axes(study)) > 1


def of_keys(study: Study, keys: Sequence[str]) -> Figure | None:
    """The same for `keys`, two or more; a key that takes only one value is left out."""
    chosen = [axis for axis in key_axes(study) if axis.key in keys]
    pairs = [pair(study, x, y) for x, y in combinations(chosen, 2)]
    return draw(pairs) if pairs and pairs[0].points else None
