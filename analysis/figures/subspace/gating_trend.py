"""Learned gates against the depth of the layer: do early and late layers prefer different allocations?"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.style import BASELINE_COLOUR, CATEGORIES, HEIGHT, WIDTH
from analysis.figures.subspace.layer_gates import RunGates, outside_over_seeds, over_seeds, remarks, run_gates
from analysis.figures.subspace.look import say
from analysis.study import Study

DASHED = (0, (4, 3))
_MARKERS = "os^vDP"
_MOST_NAMED = 24


def draw(runs: Sequence[RunGates], sentences: Sequence[str]) -> Figure:
    figure = Figure(figsize=(0.8 * WIDTH, HEIGHT + 0.1 * len(sentences)))
    axes = figure.subplots()
    layers = range(max((layer for run in runs for layer in run.layers), default=-1) + 1)
    places = {group: len(layers) + 1.0 + place for place, group in enumerate(outside_over_seeds(runs))}
    budgets = sorted({run.budget for run in runs})
    for place, budget in enumerate(budgets):
        shift = 0.06 * (place - (len(budgets) - 1) / 2)
        look = (CATEGORIES[place % len(CATEGORIES)], _MARKERS[place % len(_MARKERS)])
        _draw_budget(axes, [run for run in runs if run.budget == budget], look, shift, places)
    axes.axhline(0.5, color=BASELINE_COLOUR, linewidth=0.9, linestyle=DASHED, label="equal split", zorder=1)
    named = layers[:: -(-len(layers) // _MOST_NAMED) or 1]
    axes.set_xticks([*named, *places.values()], [*map(str, named), *places])
    axes.set(xlabel="Layer (depth)", ylabel="γ (0: all to A, 1: all to B)", ylim=(-0.03, 1.03))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center")
    say(figure, sentences)
    return figure


def _draw_budget(axes: Axes, runs: Sequence[RunGates], look: tuple[str, str], shift: float, places: Mapping[str, float]) -> None:
    """Layers joined by a line; groups outside them on their own `places`."""
    gates, outside = over_seeds(runs), outside_over_seeds(runs)
    style: Any = {"color": look[0], "marker": look[1], "markersize": 4, "capsize": 2.5, "elinewidth": 0.9}
    for points, line, label in (
        ({layer + shift: spread for layer, spread in gates.items()}, "-", f"d = {runs[0].budget}, n = {len(runs)}"),
        ({places[group] + shift: spread for group, spread in outside.items()}, "none", None),
    ):
        means, errors = [spread.mean for spread in points.values()], [spread.error for spread in points.values()]
        if points:
            axes.errorbar(list(points), means, yerr=errors, label=label, linewidth=1.2, linestyle=line, **style)


def figure(study: Study) -> Figure | None:
    """The drawn figure over all budgets, mean and sample standard deviation over seeds; None when no run has gates."""
    runs = run_gates(study)
    return draw(runs, remarks(study)) if runs else None
