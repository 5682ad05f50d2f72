"""Risk and bound against complexity and compressed size at one budget, in three panels (SubLoRA, Lotfi et al. 2024, figure 16)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.figures.style import HEIGHT, WIDTH
from analysis.figures.subspace.look import draw_point, looks, method_handles, say
from analysis.figures.subspace.points import BOUND, COMPLEXITY, RISK, SIZE, Point, points, remarks, spread
from analysis.study import Study

DASHED = (0, (4, 2))


def by_size(shown: Sequence[Point], of: Callable[[Point], Mapping[int, float]]) -> list[tuple[float, float]]:
    """(compressed size in KB, mean of `of`) of the methods that have both, by size."""
    return sorted((s.mean, y.mean) for p in shown if (s := spread(p.size_kb)) is not None and (y := spread(of(p))) is not None)


def draw(shown: Sequence[Point]) -> Figure:
    figure = Figure(figsize=(1.15 * WIDTH, HEIGHT))
    left, middle, right = figure.subplots(1, 3)
    look = looks(shown)
    for point in shown:
        draw_point(left, point, point.complexity, point.risk, look[point.method])
        draw_point(middle, point, point.complexity, point.bound, look[point.method])
        draw_point(right, point, point.size_kb, point.bound, look[point.method])
        draw_point(right, point, point.size_kb, point.risk, look[point.method])
    left.set(xlabel=COMPLEXITY.label, ylabel=RISK.label, title="Complexity and risk")
    middle.set(xlabel=COMPLEXITY.label, ylabel=BOUND.label, title="Complexity and bound")
    lines = _draw_sizes(right, shown)
    for axes in (left, middle, right):
        axes.margins(0.12)
        axes.locator_params(axis="x", nbins=4) if axes is not right else None
    figure.suptitle(f"d = {shown[0].budget}", fontsize=9)
    figure.legend(handles=[*method_handles(shown), *lines], loc="outside right center")
    say(figure, remarks(shown))
    return figure


def _draw_sizes(axes: Axes, shown: Sequence[Point]) -> list[Line2D]:
    style: Any = {"color": "#777777", "linewidth": 1.0}
    bound, risk = by_size(shown, lambda point: point.bound), by_size(shown, lambda point: point.risk)
    axes.plot([x for x, _ in bound], [y for _, y in bound], zorder=2, **style)
    axes.plot([x for x, _ in risk], [y for _, y in risk], zorder=2, linestyle=DASHED, **style)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:.3g}")
    axes.xaxis.set_minor_formatter("{x:.3g}")
    axes.tick_params(axis="x", which="both", labelsize=6, rotation=35)
    axes.set(xlabel=f"{SIZE.label}, log scale", ylabel="BPD (bits/token)", title="Size, bound and risk")
    return [Line2D([], [], label="bound", **style), Line2D([], [], label="empirical risk", linestyle=DASHED, **style)]


def figure(study: Study) -> Figure | None:
    """The drawn figure of a study with one budget; None when no run of it has bounds."""
    shown = points(study)
    return draw(shown) if by_size(shown, lambda point: point.bound) else None
