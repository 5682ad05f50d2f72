"""Colours for values of a metric: the best darkest, the same for all that is far worse than usual."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure

from analysis.figures.key_axis import needs_log
from analysis.figures.quantity import Quantity


@dataclass(frozen=True)
class MetricColours:
    quantity: Quantity
    scale: Normalize
    map: Colormap

    @property
    def range(self) -> tuple[float, float]:
        """The values that have the first and the last colour."""
        return float(self.scale.vmin or 0.0), float(self.scale.vmax or 0.0)

    @property
    def is_log(self) -> bool:
        return isinstance(self.scale, LogNorm)

    def of(self, value: float) -> Any:
        return self.map(self.scale(value))

    def bar(self, figure: Figure, axes: Sequence[Axes]) -> None:
        """The key to the colours, beside `axes`."""
        figure.colorbar(ScalarMappable(self.scale, self.map), ax=list(axes), label=self.quantity.label, aspect=30, pad=0.02)


def usual_range(values: Sequence[float], higher_is_better: bool) -> tuple[float, float]:
    """From the lowest to the highest value; of positive ones, what is worse than twice (or half) the median is left out."""
    low, high = min(values), max(values)
    if low > 0 and not higher_is_better:
        high = min(high, 2 * median(values))
    elif low > 0:
        low = max(low, median(values) / 2)
    return low, high


def metric_colours(values: Sequence[float], quantity: Quantity) -> MetricColours:
    """`values` are those to tell apart; at least one."""
    low, high = usual_range(values, quantity.higher_is_better)
    scale = (LogNorm if needs_log([low, high]) else Normalize)(low, high if high > low else low + 1e-9 * abs(low) + 1e-12)
    return MetricColours(quantity, scale, mpl.colormaps["viridis_r" if quantity.higher_is_better else "viridis"])
