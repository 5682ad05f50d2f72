"""Pictures of slices through the loss: a line and a plane."""

import io
import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainable.loss_slices import Point

_BLUE, _ORANGE = "#0072B2", "#D55E00"
_LEVELS = 24
_AXIS = "{} direction [norms of the weights]"


def draw_line(points: Sequence[Point], title: str) -> bytes:
    """A PNG of the loss along one direction, the checkpoint marked."""
    figure = Figure(figsize=(8, 4.5), dpi=150, layout="constrained")
    axes = figure.subplots()
    finite = [point for point in points if math.isfinite(point.loss)]
    axes.plot([point.x for point in finite], [point.loss for point in finite], color=_BLUE, linewidth=1.8)
    axes.plot([point.x for point in finite if point.x == 0], [point.loss for point in finite if point.x == 0], "o", color=_ORANGE)
    axes.set_ylabel("validation loss [nats/token]")
    axes.grid(visible=True, linewidth=0.5, alpha=0.35)
    axes.spines[["top", "right"]].set_visible(False)
    _name(axes, "Loss along a filter-normalised direction", title)
    return _png(figure)


def draw_plane(points: Sequence[Point], title: str) -> bytes:
    """A PNG of the loss over two directions as levels, the checkpoint marked; what is not finite stays white."""
    figure = Figure(figsize=(7, 5.8), dpi=150, layout="constrained")
    axes = figure.subplots()
    places = sorted({point.x for point in points})
    loss = {(point.x, point.y): point.loss if math.isfinite(point.loss) else math.nan for point in points}
    grid = [[loss[x, y] for x in places] for y in places]
    if len({value for value in loss.values() if math.isfinite(value)}) > 1:
        filled = axes.contourf(places, places, grid, levels=_LEVELS, cmap="viridis")
        axes.contour(places, places, grid, levels=_LEVELS, colors="white", linewidths=0.4, alpha=0.6)
        figure.colorbar(filled, ax=axes, label="validation loss [nats/token]")
    axes.plot([0], [0], "o", color=_ORANGE, markeredgecolor="white")
    axes.set_ylabel(_AXIS.format("second"))
    axes.set_aspect("equal")
    _name(axes, "Loss over two filter-normalised directions", title)
    return _png(figure)


def _name(axes: Axes, what: str, title: str) -> None:
    axes.set_xlabel(_AXIS.format("first"))
    axes.set_title(what, loc="left", fontsize=11, fontweight="bold", pad=18)
    axes.text(0, 1.015, title, transform=axes.transAxes, fontsize=7, color="#6B6B6B")


def _png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()
