"""The optimizers side by side, each with its best confirmed configuration: loss, perplexity, bytes of state for a parameter, speed."""

from dataclasses import replace
from typing import Any

from analysis.columns import Row
from analysis.compare import CellSummary, compare, counted_seeds
from analysis.figures.quantity import Quantity, quantity
from analysis.study import Study, short_names, shown
from analysis.tables.cell_columns import identity_columns, identity_of, seeds_shown
from analysis.tables.comparison_table import CAPTION, entries, measured, number_columns, numbers
from analysis.tables.table import Entry, Numbers, Table

KEYS = ("optimizer", "optimizer.name")
STATE = Quantity("optimizer_state_bytes_per_parameter", "State (bytes/parameter)")
_METRICS = ("eval/loss", "eval/perplexity")
_COSTS = ("time/tokens_per_sec", "memory/peak_gb")


def optimizer_table(study: Study) -> Table | None:
    """None for a sweep that does not vary the optimizer, or before one has been confirmed."""
    statement = study.statement
    key = next((key for key in KEYS if key in statement.varied), None)
    if key is None:
        return None
    study = replace(study, rows=[_with_state(row) for row in study.rows])
    cells = [cell for cell in _best_of_each(study, key) if cell.n]
    named = dict.fromkeys((statement.metric, *_METRICS))
    wanted = [*(quantity(name, statement) for name in named), STATE, *(quantity(name, statement) for name in _COSTS)]
    # Bold is the best of those shown, not of configurations that another one of the same optimizer has beaten.
    among = {cell.cell for cell in cells}
    columns = [(one, {name: found for name, found in of.items() if name in among}) for one, of in measured(study, wanted)]
    if not cells or not columns:
        return None
    others = [other for other in statement.varied if other != key]
    names = short_names(statement.varied)
    return Table(
        caption=f"Every optimizer at its best configuration over {seeds_shown(counted_seeds(statement, study.rows))}; {CAPTION}",
        header=["optimizer", *(names[other] for other in others), *(one.label for one, _ in columns)],
        rows=[[*(Entry(text) for text in _about(study, cell, key, others)), *entries(study, columns, cell.cell)] for cell in cells],
        numbers=Numbers(
            [*identity_columns(study), *number_columns(columns)],
            [[*identity_of(study, cell), *numbers(columns, cell.cell)] for cell in cells],
        ),
    )


def _with_state(row: Row) -> dict[str, Any]:
    state, parameters = row["optimizer_state_bytes"], row.get("trainable_parameters") or row["parameters"]
    return {**row, STATE.column: state / parameters if state is not None and parameters else None}


def _best_of_each(study: Study, key: str) -> list[CellSummary]:
    """The baseline first, then the best confirmed cell of each other optimizer, best first."""
    statement = study.statement
    sign = -1.0 if statement.higher_is_better else 1.0
    ranked = sorted(compare(statement, study.rows), key=lambda cell: (not cell.is_baseline, cell.mean is None, sign * (cell.mean or 0.0)))
    first: dict[Any, CellSummary] = {}
    for cell in ranked:
        first.setdefault(cell.values[key], cell)
    return list(first.values())


def _about(study: Study, cell: CellSummary, key: str, others: list[str]) -> list[str]:
    role = study.cells[cell.cell].role
    return [f"{shown(cell.values[key])}{f' ({role})' if role else ''}", *(shown(cell.values[other]) for other in others)]
