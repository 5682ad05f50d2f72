"""Confirmed cells beside each other by everything that was measured of them: loss, perplexity, speed, memory, optimizer state."""

from collections.abc import Sequence
from typing import Any

from analysis.compare import CellSummary, compare, counted_seeds
from analysis.figures.quantity import Quantity, quantity
from analysis.report.cells import FURTHER
from analysis.report.markdown import MISSING, mean_and_std
from analysis.study import Study
from analysis.tables.cell_columns import identity_columns, identity_of, is_whole, seeds_shown
from analysis.tables.table import Entry, Numbers, Table, best_of

# A column of the table: the quantity, and what it is in each cell, by cell.
Measured = tuple[Quantity, dict[str, CellSummary]]


def comparison_table(study: Study) -> Table | None:
    """None while nothing beside the sweep's own metric was measured in a confirmed cell."""
    statement = study.statement
    columns = measured(study, [quantity(name, statement) for name in dict.fromkeys((statement.metric, *FURTHER))])
    cells = compare(statement, study.rows)
    if len(columns) < 2:
        return None
    return Table(
        caption=f"Confirmed cells over {seeds_shown(counted_seeds(statement, study.rows))}: {CAPTION}",
        header=["configuration", *(wanted.label for wanted, _ in columns)],
        rows=[[Entry(study.cells[cell.cell].title), *entries(study, columns, cell.cell)] for cell in cells],
        numbers=Numbers(
            [*identity_columns(study), *number_columns(columns)],
            [[*identity_of(study, cell), *numbers(columns, cell.cell)] for cell in cells],
        ),
    )


CAPTION = "mean ± sample standard deviation, in parentheses the difference of the means to the baseline's. Best of each column in bold."


def measured(study: Study, wanted: Sequence[Quantity]) -> list[Measured]:
    """The quantities that at least one confirmed cell has."""
    every = [(one, {cell.cell: cell for cell in compare(study.statement, study.rows, one.column)}) for one in wanted]
    return [(one, cells) for one, cells in every if any(cell.n for cell in cells.values())]


def entries(study: Study, columns: Sequence[Measured], cell: str) -> list[Entry]:
    """The entries of one cell, the best of each column marked as such."""
    return [_entry(study, wanted, cells, cell) for wanted, cells in columns]


def _entry(study: Study, wanted: Quantity, cells: dict[str, CellSummary], cell: str) -> Entry:
    found = cells[cell]
    if found.mean is None:
        return Entry(MISSING)
    candidates = {name: one.mean for name, one in cells.items() if is_whole(study, one)}
    best = best_of(candidates, higher_is_better=wanted.higher_is_better)
    # What is the same for every seed, such as the bytes of a state, needs no deviation.
    text = mean_and_std(found.mean * wanted.scale, found.std * wanted.scale if found.std else None)
    relative = "" if found.relative_difference is None else f" ({found.relative_difference:+.1%})"
    return Entry(text + relative, best=cell in best)


def number_columns(columns: Sequence[Measured]) -> list[str]:
    """Columns of `numbers`."""
    return [f"{wanted.column}{end}" for wanted, _ in columns for end in ("", " std", " n", " relative")]


def numbers(columns: Sequence[Measured], cell: str) -> list[Any]:
    """Mean, deviation, seeds and relative difference of one cell in every column, in the units of ``trials.parquet``."""
    found = [cells[cell] for _, cells in columns]
    return [value for one in found for value in (one.mean, one.std, one.n, one.relative_difference)]
