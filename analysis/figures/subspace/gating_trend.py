"""Learned gates against the depth of the layer: do early and late layers prefer different allocations?"""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.style import BASELINE_COLOUR, CATEGORIES, HEIGHT, WIDTH
from analysis.figures.subspace.layer_gates import RunGates, misc_over_seeds, over_seeds, remarks, run_gates
from analysis.figures.subspace.look import say
from analysis.study import Study

DASHED = (0, (4, 3))
_MARKERS = "os^vDP"


def draw(runs: Sequence[RunGates], sentences: Sequence[str]) -> Figure:
    figure = Figure(figsize=(0.8 * WIDTH, HEIGHT + 0.1 * len(sentences)))
    axes = figure.subplots()
    deepest = max((layer for run in runs for layer in run.layers), default=0)
    budgets = sorted({run.budget for run in runs})
    for place, budget in enumerate(budgets):
        shift = 0.06 * (place - (len(budgets) - 1) / 2)
        look = (CATEGORIES[place % len(CATEGORIES)], _MARKERS[place % len(_MARKERS)])
        _draw_budget(axes, [run for run in runs if run.budget == budget], look, shift, deepest + 2)
    axes.axhline(0.5, color=BASELINE_COLOUR, linewidth=0.9, linestyle=DASHED, label="equal split", zorder=1)
    stride = -(-(deepest + 1) // 24)
    layers = list(range(0, deepest + 1, stride))
    outside = any(run.misc is not None for run in runs)
    axes.set_xticks([*layers, *([deepest + 2] if outside else [])], [*map(str, layers), *(["misc"] if outside else [])])
    axes.set(xlabel="Layer (depth)", ylabel="γ (0: all to A, 1: all to B)", ylim=(-0.03, 1.03))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center")
    say(figure, sentences)
    return figure


def _draw_budget(axes: Axes, runs: Sequence[RunGates], look: tuple[str, str], shift: float, place_of_misc: int) -> None:
    colour, marker = look
    gates = over_seeds(runs)
    style: Any = {"color": colour, "marker": marker, "markersize": 4, "capsize": 2.5, "elinewidth": 0.9}
    label = f"d = {runs[0].budget}, n = {len(runs)}"
    errors = [spread.error for spread in gates.values()]
    places = [layer + shift for layer in gates]
    axes.errorbar(places, [spread.mean for spread in gates.values()], yerr=errors, label=label, linewidth=1.2, **style)
    if (misc := misc_over_seeds(runs)) is not None:
        axes.errorbar(place_of_misc + shift, misc.mean, yerr=misc.error, linestyle="none", **style)


def figure(study: Study) -> Figure | None:
    """The drawn figure over all budgets, mean and sample standard deviation over seeds; None when no run has gates."""
    runs = run_gates(study)
    return draw(runs, remarks(study)) if runs else None
