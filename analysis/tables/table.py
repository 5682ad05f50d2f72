"""What a table is before it has a form: entries as text, which of them are best, footnotes, and the numbers behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One entry in plain Unicode; `best` ones are printed bold, `mark` is a key of the table's footnotes."""

    text: str
    best: bool = False
    mark: str = ""


@dataclass(frozen=True)
class Numbers:
    """What the CSV form holds in place of the texts: one row for each row of the table, in full precision; None is missing."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Table:
    """Every row has as many entries as `header`; the first column names the row. Without `numbers` the CSV form holds the texts."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Entry]]
    footnotes: Mapping[str, str] = field(default_factory=dict)
    numbers: Numbers | None = None

    @property
    def symbols(self) -> dict[str, str]:
        """The footnote sign of each mark."""
        return dict(zip(self.footnotes, "†‡§¶", strict=False))


def best_of(values: Mapping[str, float | None], *, higher_is_better: bool) -> frozenset[str]:
    """The names with the best value; none where all that have one are equally good."""
    known = {name: value for name, value in values.items() if value is not None}
    if len(set(known.values())) < 2:
        return frozenset()
    best = max(known.values()) if higher_is_better else min(known.values())
    return frozenset(name for name, value in known.items() if value == best)
