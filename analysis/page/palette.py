"""A colour for every cell on a light and on a dark page, few enough of them that curves of one colour can be drawn at once."""

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.colors import to_hex, to_rgb

from analysis.figures.style import BASELINE_COLOUR, colours, is_ramp
from analysis.study import Cell

LEVELS = 16
_DARK_GROUND = "#1d2127"
# Of a line to its ground (Web Content Accessibility Guidelines 2.2, 1.4.11).
LEAST_CONTRAST = 3.0
# The ends of viridis that stay apart from the ground.
_SPANS = {"light": (0.0, 0.88), "dark": (0.3, 1.0)}


def palette(cells: Sequence[Cell]) -> dict[str, list[str]]:
    """For each cell its colours on light and on dark ground: black or white for the baseline, as in the figures for the others."""
    if not is_ramp(cells):
        return {cell: [colour, on_dark(colour)] for cell, colour in colours(cells).items()}
    others = [cell for cell in cells if not cell.is_baseline]
    ramps = {ground: ramp(ground, LEVELS) for ground in _SPANS}
    chosen = {cell.cell: [BASELINE_COLOUR, on_dark(BASELINE_COLOUR)] for cell in cells if cell.is_baseline}
    for place, cell in enumerate(others):
        level = round((LEVELS - 1) * place / max(1, len(others) - 1))
        chosen[cell.cell] = [ramps["light"][level], ramps["dark"][level]]
    return chosen


def ramp(ground: str, levels: int) -> list[str]:
    """`levels` colours of viridis that can be seen on a light or dark `ground`."""
    low, high = _SPANS[ground]
    return [to_hex(mpl.colormaps["viridis"](low + (high - low) * level / max(1, levels - 1))) for level in range(levels)]


def on_dark(colour: str) -> str:
    """`colour` as it stands on dark ground: white for black, others mixed with as much white as they need to be seen."""
    if colour == BASELINE_COLOUR:
        return "#ffffff"
    red, green, blue = to_rgb(colour)
    shares = (0.05 * step for step in range(21))
    mixed = (to_hex((red + share * (1 - red), green + share * (1 - green), blue + share * (1 - blue))) for share in shares)
    return next(each for each in mixed if contrast(each, _DARK_GROUND) >= LEAST_CONTRAST)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance of sRGB)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour))
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))
