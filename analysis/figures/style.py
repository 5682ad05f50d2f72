"""One look for every figure: sizes in inches for a two-column paper, colours that stay apart for colour-blind readers."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_hex
from matplotlib.ticker import LogLocator, NullFormatter

from analysis.columns import CONFIG_PREFIX, config_column, metric_column
from analysis.study import Cell

WIDTH, HEIGHT = 7.2, 3.0
DPI = 300
BASELINE_COLOUR = "#000000"
EXPLORED_COLOUR = "#9A9A9A"
# Okabe and Ito, Color Universal Design (2008), without black and without the pale yellow.
CATEGORIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# Two more for the rare figure that needs them: Tol, Colour Schemes (2021), muted wine and olive.
MORE_CATEGORIES = (*CATEGORIES, "#882255", "#999933")

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.4,
    "lines.linewidth": 1.0,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "figure.constrained_layout.use": True,
    "savefig.dpi": DPI,
    "pdf.fonttype": 42,
}

_TITLES = {
    "train/loss": "Training loss",
    "eval/loss": "Validation loss",
    "test/loss": "Test loss",
    "eval/perplexity": "Validation perplexity",
    "memory/peak_gb": "Peak memory",
    "time/tokens_per_sec": "Training throughput",
    "optimizer/grad_norm": "Gradient norm before clipping",
    "optimizer/update_norm": "Update norm",
}


def metric_label(name: str) -> str:
    """``eval/loss`` -> ``Validation loss (nats/token)``."""
    unit = metric_column(name).unit
    return _TITLES.get(name, name) + ("" if unit == "1" else f" ({unit})")


def key_label(key: str, values: Sequence[Any] = ()) -> str:
    """``optimizer.lr`` -> ``Peak learning rate (optimizer.lr)``: the help text of the configuration, up to its first aside."""
    column = config_column(key, values)
    if column.meaning.startswith("varied key"):
        return column.name.removeprefix(CONFIG_PREFIX)
    title = column.meaning
    for aside in (" (", "; ", " = ", ": ", ", "):
        title = title.split(aside)[0]
    unit = f", {column.unit}" if column.unit else ""
    return f"{title[0].upper()}{title[1:]} ({key}{unit})"


def shortened(text: str, longest: int) -> str:
    """`text` without its middle where it is longer than `longest` characters: names that start alike often end differently."""
    tail = (longest - 1) // 2
    return text if len(text) <= longest else f"{text[: longest - 1 - tail]}…{text[-tail:]}"


def cell_name(cell: Cell, longest: int = 48) -> str:
    """The cell's title in at most `longest` characters; its role always stands."""
    role = f" ({cell.role})" if cell.role else ""
    return shortened(cell.label, longest - len(role)) + role


def slant_names(axes: Axes) -> None:
    """Turns the names under `axes`, so that long ones do not run into each other."""
    axes.tick_params(axis="x", rotation=35)
    for label in axes.get_xticklabels():
        label.set(ha="right", rotation_mode="anchor")


def name_decades(axis: Axis) -> None:
    """Plain numbers on a logarithmic axis: at 1, 2 and 5 of each decade, or at the powers of ten where there are many of them."""
    low, high = sorted(axis.get_view_interval())
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 200 * low else (1,)))
    axis.set_minor_formatter(NullFormatter())
    if low > 1e-5 and high < 1e6:
        axis.set_major_formatter("{x:g}")


def is_ramp(cells: Sequence[Cell]) -> bool:
    """Whether one number varies, so that a ramp of colours can show its order."""
    values = [value for cell in cells if not cell.is_baseline for value in cell.values.values()]
    one_key = all(len(cell.values) == 1 for cell in cells)
    return one_key and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def colours(cells: Sequence[Cell]) -> dict[str, str]:
    """A colour for each cell: black for the baseline, a ramp for one varied number (by size), else one hue each.

    Where there are more cells than hues, those that were only explored are grey.
    """
    others = [cell for cell in cells if not cell.is_baseline]
    chosen = {cell.cell: BASELINE_COLOUR for cell in cells if cell.is_baseline}
    if is_ramp(cells):
        ramp = mpl.colormaps["viridis"]
        return chosen | {cell.cell: to_hex(ramp(0.92 * place / max(1, len(others) - 1))) for place, cell in enumerate(others)}
    hued = others if len(others) <= len(CATEGORIES) else [cell for cell in others if cell.confirmed]
    hues = {cell.cell: MORE_CATEGORIES[place % len(MORE_CATEGORIES)] for place, cell in enumerate(hued)}
    return chosen | {cell.cell: hues.get(cell.cell, EXPLORED_COLOUR) for cell in others}


def off_scale(axes: Axes, x: Sequence[float], colour: str, *, at_top: bool = True) -> None:
    """Crosses on the edge of the axes, for what diverged and has no value."""
    axes.plot(
        x, [1.0 if at_top else 0.0] * len(x), "x", transform=axes.get_xaxis_transform(), color=colour, markersize=6, mew=1.4, clip_on=False
    )
