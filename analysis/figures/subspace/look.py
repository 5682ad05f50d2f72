"""Colours, markers, error bars and remarks that the figures of the SubLoRA study share."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.figures.style import BASELINE_COLOUR, CATEGORIES
from analysis.figures.subspace.points import FIXED, LEARNED, UNIFORM, Method, Point, spread

_LETTERS_PER_INCH = 19
_REMARK_COLOUR = "#A03000"
_OF_FIXED = ((CATEGORIES[0], "v"), (CATEGORIES[5], "s"), (CATEGORIES[2], "^"), (CATEGORIES[4], "P"), (CATEGORIES[3], "X"))
_OF_BUDGET = (CATEGORIES[0], CATEGORIES[1], CATEGORIES[2], CATEGORIES[3], CATEGORIES[4], CATEGORIES[5])


def looks(shown: Sequence[Point]) -> dict[Method, tuple[str, str]]:
    """Colour and marker of each method, the same at every budget."""
    fixed = sorted({point.method for point in shown if point.method.allocation == FIXED}, key=lambda method: method.order)
    own = {UNIFORM: (BASELINE_COLOUR, "o"), LEARNED: (CATEGORIES[1], "D")}
    others = {method: _OF_FIXED[place % len(_OF_FIXED)] for place, method in enumerate(fixed)}
    return {point.method: own.get(point.method.allocation) or others.get(point.method, ("#777777", "h")) for point in shown}


def budget_colours(shown: Sequence[Point]) -> dict[int, str]:
    """Blue, red, ... by rising budget."""
    budgets = sorted({point.budget for point in shown})
    return {budget: _OF_BUDGET[place % len(_OF_BUDGET)] for place, budget in enumerate(budgets)}


def draw_point(axes: Axes, point: Point, x: Mapping[int, float], y: Mapping[int, float], look: tuple[str, str], **style: Any) -> bool:
    """Mean with error bars, each seed faint; hollow where the bound is vacuous. False when one of the two is not known."""
    across, up = spread(x), spread(y)
    if across is None or up is None:
        return False
    colour, marker = look
    face = "#FFFFFF" if point.is_vacuous else colour
    bars: Any = {"xerr": across.error or None, "yerr": up.error or None, "elinewidth": 0.9, "capsize": 2.5}
    drawn: Any = {"color": colour, "markerfacecolor": face, "markersize": 5.5, "markeredgewidth": 1.1, "zorder": 4, "linestyle": "none"}
    axes.errorbar(across.mean, up.mean, marker=marker, **bars, **drawn, **style)
    both = [seed for seed in x if seed in y]
    if len(both) > 1:
        axes.plot([x[s] for s in both], [y[s] for s in both], marker, color=colour, alpha=0.35, markersize=2.5, markeredgewidth=0, zorder=3)
    return True


def method_handles(shown: Sequence[Point]) -> list[Line2D]:
    """A legend of the methods; the ones that were not measured are named too."""
    handles = []
    for method, (colour, marker) in looks(shown).items():
        measured = any(point.method == method and point.bound for point in shown)
        face = "#FFFFFF" if any(point.method == method and point.is_vacuous for point in shown) else colour
        label = method.label + ("" if measured else " (no bounds)")
        handles.append(Line2D([], [], linestyle="", color=colour, marker=marker, markerfacecolor=face, markersize=5, label=label))
    return handles


def say(figure: Figure, sentences: Sequence[str]) -> None:
    """Writes remarks below everything else, in lines that fit the figure's width."""
    lines = [line for text in sentences for line in wrap(text, int(figure.get_figwidth() * _LETTERS_PER_INCH), subsequent_indent="    ")]
    if lines:
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=6.5, color=_REMARK_COLOUR)
