"""One bar of predicted and one of measured memory, in their parts."""

import io
from collections.abc import Mapping

# Okabe and Ito's palette: told apart with any colour vision, and in print.
PARTS = {
    "process": "#8C8C8C",
    "weights": "#0072B2",
    "optimizer state": "#E69F00",
    "activations and gradients": "#009E73",
}


def draw_memory(bars: Mapping[str, Mapping[str, float]], title: str) -> bytes:
    """A PNG; each bar, by its name, has the megabytes of `PARTS`, which add up to its peak."""
    from matplotlib.figure import Figure  # here: importing it takes memory that is not the run's

    figure = Figure(figsize=(8, 0.9 + 0.65 * len(bars)), dpi=150, layout="constrained")
    axes = figure.subplots()
    names = list(bars)[::-1]
    left = [0.0] * len(names)
    for part, colour in PARTS.items():
        widths = [bars[name][part] for name in names]
        axes.barh(names, widths, left=left, color=colour, label=part, height=0.6)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    for name, end in zip(names, left, strict=True):
        axes.annotate(f"{end:,.0f} MB", (end, name), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_xlabel("memory at the peak [MB]")
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, axis="x", linewidth=0.5, alpha=0.35)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=len(PARTS), frameon=False, fontsize=8)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()
