"""A summarized sweep as figures and reports look at it: the statement, the rows of its trials, and where its curves are."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.columns import Row
from analysis.load import read_statement
from analysis.trials import config_of
from trainable.spec.statement import Statement
from trainable.spec.status import Stage
from trainable.spec.sweep_dir import SweepDir

BASELINE, WINNER = "baseline", "winner"


@dataclass(frozen=True)
class Cell:
    """`label` is short and unique within the sweep; `role` is 'baseline', 'winner', both or neither."""

    cell: str
    label: str
    values: Mapping[str, Any]
    is_baseline: bool
    rank: int | None
    confirmed: bool

    @property
    def role(self) -> str:
        return ", ".join(([BASELINE] if self.is_baseline else []) + ([WINNER] if self.rank == 1 else []))

    @property
    def title(self) -> str:
        return f"{self.label} ({self.role})" if self.role else self.label


@dataclass(frozen=True)
class Study:
    """`rows` are those of ``trials.parquet``, `metrics` is the path of ``metrics.parquet``."""

    statement: Statement
    rows: Sequence[Row]
    metrics: Path

    @classmethod
    def from_files(cls, directory: Path) -> "Study":
        """The study of the ``sweep.json``, ``trials.parquet`` and ``metrics.parquet`` in `directory`; needs no ledger and no run directory.

        Raises ValueError, with the name of the file, when one of them is missing, damaged or of another format.
        """
        files = SweepDir(directory)
        statement = read_statement(files)
        with _told_by_name(files.trials):
            rows = pq.read_table(files.trials).to_pylist()
        with _told_by_name(files.metrics):
            pq.read_schema(files.metrics)
        return cls(statement, rows, files.metrics)

    @cached_property
    def rows_by_cell(self) -> dict[str, list[Row]]:
        by_cell: dict[str, list[Row]] = {}
        for row in self.rows:
            by_cell.setdefault(row["cell"], []).append(row)
        return by_cell

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """Every cell that was tried, ordered by its varied values."""
        names = short_names(self.statement.varied)
        cells = [self._cell(cell, rows, names) for cell, rows in self.rows_by_cell.items()]
        return {cell.cell: cell for cell in sorted(cells, key=lambda cell: [order_of(value) for value in cell.values.values()])}

    def _cell(self, cell: str, rows: Sequence[Row], names: Mapping[str, str]) -> Cell:
        values = config_of(rows[0], self.statement.varied)
        label = ", ".join(f"{names[key]} = {shown(value)}" for key, value in values.items())
        return Cell(
            cell=cell,
            label=label or cell,
            values=values,
            is_baseline=cell == self.statement.baseline_cell,
            rank=rows[0]["finalist_rank"],
            confirmed=any(row["stage"] == Stage.CONFIRM for row in rows),
        )


@contextmanager
def _told_by_name(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"{file} cannot be read: {error}") from error


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """The last part of each dotted key, or the whole key where that would be ambiguous."""
    ends = [key.rsplit(".", 1)[-1] for key in keys]
    return {key: end if ends.count(end) == 1 else key for key, end in zip(keys, ends, strict=True)}


def shown(value: Any) -> str:
    """A varied value in its shortest usual form: 0.0003 -> ``3e-4``."""
    if not isinstance(value, float):
        return "none" if value is None else str(value)
    if value == 0 or 0.01 <= abs(value) < 1e5 or not math.isfinite(value):
        return f"{value:.4g}"
    mantissa, exponent = f"{value:.3e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def order_of(value: Any) -> tuple[int, float, str]:
    """Sorts numbers by size, before everything else by name."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (0, float(value), "") if is_number else (1, 0.0, str(value))
