"""Every layer's learned gate for each seed of one budget."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from analysis.figures.curves import Numbers
from analysis.figures.style import WIDTH
from analysis.figures.subspace.layer_gates import RunGates, remarks, run_gates
from analysis.figures.subspace.look import say
from analysis.study import Study

# Orange to purple over white: told apart with any colour vision; white is the equal split.
_COLOURS = "PuOr_r"
_MOST_ANNOTATED = 26


def matrix(runs: Sequence[RunGates]) -> tuple[list[str], Numbers]:
    """Names of the columns (layers by depth, then groups outside them) and the gates, one row for each run; NaN where a run has none."""
    layers, groups = sorted({layer for run in runs for layer in run.layers}), sorted({group for run in runs for group in run.outside})
    rows = [[run.layers.get(layer, np.nan) for layer in layers] + [run.outside.get(group, np.nan) for group in groups] for run in runs]
    return [*map(str, layers), *groups], np.array(rows, dtype=float)


def draw(runs: Sequence[RunGates], sentences: Sequence[str]) -> Figure:
    names, gates = matrix(runs)
    figure = Figure(figsize=(WIDTH, 1.15 + 0.34 * len(runs) + 0.12 * len(sentences)))
    axes = figure.subplots()
    picture = axes.imshow(gates, cmap=_COLOURS, vmin=0, vmax=1, aspect="auto")
    for (row, column), gate in np.ndenumerate(gates):
        if np.isfinite(gate) and len(names) <= _MOST_ANNOTATED:
            shade = "#FFFFFF" if abs(gate - 0.5) > 0.33 else "#000000"
            axes.text(column, row, f"{gate:.2f}", ha="center", va="center", fontsize=6, color=shade)
    if outside := max(len(run.outside) for run in runs):
        axes.axvline(len(names) - outside - 0.5, color="#000000", linewidth=1.2)
    stride = -(-len(names) // _MOST_ANNOTATED)
    axes.set_xticks(range(0, len(names), stride), names[::stride])
    axes.set_yticks(range(len(runs)), [str(run.seed) for run in runs])
    axes.grid(visible=False)
    axes.set(xlabel="Layer", ylabel="Seed", title=f"Learned gates γ at d = {runs[0].budget} (0: all to A, 1: all to B)")
    figure.colorbar(picture, ax=axes, label="γ", ticks=[0, 0.5, 1], pad=0.02)
    say(figure, sentences)
    return figure


def figure(study: Study) -> Figure | None:
    """The drawn figure of a study with one budget; None when no run of it has gates."""
    runs = run_gates(study)
    return draw(runs, remarks(study)) if runs else None
