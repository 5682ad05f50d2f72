"""Every allocation at every budget in bars: risk, bound, compressed size, and the improvement over the uniform allocation."""

from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from analysis.figures.cell_values import Spread
from analysis.figures.style import HEIGHT, WIDTH
from analysis.figures.subspace.look import budget_colours, say
from analysis.figures.subspace.points import BOUND, RISK, SIZE, Method, Point, improvement, points, remarks, spread
from analysis.study import Study

IMPROVEMENT = "Improvement of the risk over uniform (%)"
_HATCH = "////"


def methods(shown: Sequence[Point]) -> list[Method]:
    """The methods of any budget, in their order."""
    return sorted({point.method for point in shown}, key=lambda method: method.order)


def draw(shown: Sequence[Point]) -> Figure:
    figure = Figure(figsize=(WIDTH, 1.75 * HEIGHT))
    (risk, bound), (size, gain) = figure.subplots(2, 2)
    _draw_bars(risk, shown, lambda point: spread(point.risk), RISK.label, "{:.2f}")
    _draw_bars(bound, shown, lambda point: spread(point.bound), BOUND.label, "{:.2f}", hatched=True)
    _draw_bars(size, shown, lambda point: spread(point.size_kb), SIZE.label, "{:.3g}")
    _draw_bars(gain, shown, lambda point: improvement(point, shown), IMPROVEMENT, "{:+.2f}")
    gain.axhline(0, color="#000000", linewidth=0.7)
    handles = [Patch(color=colour, label=f"d = {budget}") for budget, colour in budget_colours(shown).items()]
    if any(point.is_vacuous for point in shown):
        handles.append(Patch(facecolor="#FFFFFF", edgecolor="#555555", hatch=_HATCH, label="vacuous bound"))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    say(figure, [sentence.replace("drawn hollow", "hatched") for sentence in remarks(shown)])
    return figure


def _draw_bars(
    axes: Axes, shown: Sequence[Point], of: Callable[[Point], Spread | None], label: str, form: str, *, hatched: bool = False
) -> None:
    colour, order = budget_colours(shown), methods(shown)
    width = 0.8 / len(colour)
    for point in shown:
        place = order.index(point.method) + (list(colour).index(point.budget) - (len(colour) - 1) / 2) * width
        value = of(point)
        if value is None:
            axes.text(place, 0, "none", rotation=90, fontsize=5.5, color="#A03000", ha="center", va="bottom")
            continue
        vacuous = hatched and point.is_vacuous
        style: Any = (
            {"facecolor": "#FFFFFF", "edgecolor": colour[point.budget], "hatch": _HATCH} if vacuous else {"color": colour[point.budget]}
        )
        axes.bar(place, value.mean, width * 0.94, yerr=value.error or None, error_kw={"elinewidth": 0.8, "capsize": 2}, **style)
        end = value.mean + (value.error if value.mean >= 0 else -value.error)
        offset: Any = {"xytext": (0, 1.5 if value.mean >= 0 else -1.5), "textcoords": "offset points", "rotation": 90}
        axes.annotate(form.format(value.mean), (place, end), ha="center", va="bottom" if value.mean >= 0 else "top", fontsize=5.5, **offset)
    axes.set_xticks(range(len(order)), [method.label.replace(" ", "\n") for method in order])
    axes.set_ylabel(label)
    axes.margins(y=0.2)
    axes.grid(visible=False, axis="x")


def figure(study: Study) -> Figure | None:
    """The drawn figure over all budgets; None when no run has a risk or a bound."""
    shown = points(study)
    return draw(shown) if any(point.bound or point.risk for point in shown) else None
