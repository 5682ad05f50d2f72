"""Risk against complexity at one budget: which allocation of the subspace trades them best."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from analysis.figures.pareto_front import is_efficient
from analysis.figures.style import CATEGORIES, HEIGHT, WIDTH
from analysis.figures.subspace.look import draw_point, looks, method_handles, say
from analysis.figures.subspace.points import COMPLEXITY, RISK, Point, points, remarks, spread
from analysis.study import Study


def frontier(shown: Sequence[Point]) -> list[tuple[float, float]]:
    """(complexity, risk) of the methods that no other beats in one without losing in the other, by complexity."""
    means = [(x.mean, y.mean) for point in shown if (x := spread(point.complexity)) is not None and (y := spread(point.risk)) is not None]
    return sorted(mean for place, mean in enumerate(means) if is_efficient(place, means))


def draw(shown: Sequence[Point]) -> Figure:
    figure = Figure(figsize=(0.72 * WIDTH, 1.05 * HEIGHT))
    axes = figure.subplots()
    look = looks(shown)
    for point in shown:
        draw_point(axes, point, point.complexity, point.risk, look[point.method])
    front = frontier(shown)
    axes.plot([x for x, _ in front], [y for _, y in front], color=CATEGORIES[5], linewidth=1.2, drawstyle="steps-post", zorder=2)
    axes.set(xlabel=COMPLEXITY.label, ylabel=RISK.label, title=f"d = {shown[0].budget}")
    axes.margins(0.1)
    figure.legend(handles=method_handles(shown), loc="outside right center")
    say(figure, remarks(shown))
    return figure


def figure(study: Study) -> Figure | None:
    """The drawn figure of a study with one budget; None when no run of it has bounds."""
    shown = points(study)
    return draw(shown) if frontier(shown) else None
