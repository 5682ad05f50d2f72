"""A colour for every cell on a light and on a dark page, few enough of them that curves of one colour can be drawn at once."""

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.colors import to_hex

from analysis.figures.style import BASELINE_COLOUR, EXPLORED_COLOUR, colours, is_ramp
from analysis.study import Cell

LEVELS = 16
# What stands on dark ground for black and for the two blues and greys that would sink into it.
_ON_DARK = {BASELINE_COLOUR: "#FFFFFF", EXPLORED_COLOUR: "#8A8F98", "#0072B2": "#4DA3E0", "#009E73": "#2BC79B"}
# The ends of viridis that stay apart from the ground.
_SPANS = {"light": (0.0, 0.88), "dark": (0.3, 1.0)}


def palette(cells: Sequence[Cell]) -> dict[str, list[str]]:
    """For each cell its colours on light and on dark ground: black or white for the baseline, as in the figures for the others."""
    if not is_ramp(cells):
        return {cell: [colour, _ON_DARK.get(colour, colour)] for cell, colour in colours(cells).items()}
    others = [cell for cell in cells if not cell.is_baseline]
    ramps = {ground: ramp(ground, LEVELS) for ground in _SPANS}
    chosen = {cell.cell: [BASELINE_COLOUR, _ON_DARK[BASELINE_COLOUR]] for cell in cells if cell.is_baseline}
    for place, cell in enumerate(others):
        level = round((LEVELS - 1) * place / max(1, len(others) - 1))
        chosen[cell.cell] = [ramps["light"][level], ramps["dark"][level]]
    return chosen


def ramp(ground: str, levels: int) -> list[str]:
    """`levels` colours of viridis that can be seen on a light or dark `ground`."""
    low, high = _SPANS[ground]
    return [to_hex(mpl.colormaps["viridis"](low + (high - low) * level / max(1, levels - 1))) for level in range(levels)]
