"""A swept key as an axis: numbers by size (logarithmic over more than a decade), everything else evenly spaced by name."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.ticker import MaxNLocator

from analysis.columns import CONFIG_PREFIX
from analysis.study import Study, order_of, shown

_MOST_TICKS = 7


@dataclass(frozen=True)
class KeyAxis:
    """`values` holds every value of `key` once, in order; those of another type than number make it a list of names."""

    key: str
    values: list[Any]

    @property
    def is_numeric(self) -> bool:
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.values)

    @property
    def is_log(self) -> bool:
        return needs_log(self.values)

    @property
    def remark(self) -> str:
        """What to add to the name of the axis."""
        return " (log)" if self.is_log else ""

    def place(self, value: Any) -> float:
        """Where `value` lies: itself, its common logarithm, or its number in the list of names."""
        if not self.is_numeric:
            return float([str(known) for known in self.values].index(str(value)))
        return math.log10(value) if self.is_log else float(value)

    def share(self, value: Any) -> float:
        """Where `value` lies between the first (0) and the last (1); in the middle when there is only one."""
        low, high = self.place(self.values[0]), self.place(self.values[-1])
        return (self.place(value) - low) / (high - low) if high > low else 0.5

    def ticks(self) -> list[tuple[float, str]]:
        """Places and texts: every value where they are few or names, else round numbers; the ends where there are not two of these."""
        if len(self.values) <= _MOST_TICKS or not self.is_numeric:
            return [(self.place(value), shown(value)) for value in self.values]
        low, high = self.place(self.values[0]), self.place(self.values[-1])
        if self.is_log:
            numbers = [10.0**power for power in range(math.ceil(low), math.floor(high) + 1)]
        else:
            numbers = [number for number in MaxNLocator(5).tick_values(low, high) if low <= number <= high]
        chosen = numbers if len(numbers) > 1 else [self.values[0], self.values[-1]]
        return [(self.place(number), shown(float(number))) for number in chosen]


def key_axes(study: Study) -> list[KeyAxis]:
    """An axis for every varied key that takes more than one value; where a key is not given, its value is None."""
    columns = ((key, CONFIG_PREFIX + key) for key in study.statement.varied)
    axes = (KeyAxis(key, _once(row[column] for row in study.rows)) for key, column in columns)
    return [axis for axis in axes if len(axis.values) > 1]


def _once(values: Iterable[Any]) -> list[Any]:
    return sorted({str(value): value for value in values}.values(), key=order_of)


def needs_log(values: Sequence[Any]) -> bool:
    """Whether these are positive numbers that span more than a decade."""
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return len(numbers) == len(values) > 0 and min(numbers) > 0 and max(numbers) / min(numbers) > 10
