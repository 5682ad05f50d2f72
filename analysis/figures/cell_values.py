"""What a column of ``trials.parquet`` is in each cell: over the seeds of its confirmation, else over its full explored runs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from analysis.columns import Row
from analysis.figures.quantity import Quantity
from analysis.study import Cell, Study
from trainable.spec.status import Stage, Status


@dataclass(frozen=True)
class Spread:
    """Values of one cell, one for each trial."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return fmean(self.values)

    @property
    def std(self) -> float | None:
        """Sample standard deviation; None for one value."""
        return stdev(self.values) if len(self.values) > 1 else None

    @property
    def error(self) -> float:
        """Half the length of an error bar: 0 where there is no deviation to show."""
        return self.std or 0.0


def cell_values(study: Study, wanted: Quantity, rows: Mapping[str, Sequence[Row]] | None = None) -> dict[str, Spread]:
    """The spread of each cell that has a value, by cell, in the order of the study's cells; `rows` default to `full_runs`."""
    spreads = {}
    for cell, trials in (rows if rows is not None else full_runs(study)).items():
        values = tuple(value for row in trials if (value := wanted.of(row)) is not None)
        if values:
            spreads[cell] = Spread(values)
    return spreads


def full_runs(study: Study) -> dict[str, list[Row]]:
    """The completed trials of each cell: those of the confirmation where there are any, else those of the exploration."""
    chosen: dict[str, list[Row]] = {cell: [] for cell in study.cells}
    for row in study.rows:
        if row["status"] == Status.COMPLETED:
            chosen[row["cell"]].append(row)
    confirmed = {cell: [row for row in rows if row["stage"] == Stage.CONFIRM] for cell, rows in chosen.items()}
    return {cell: confirmed[cell] or rows for cell, rows in chosen.items() if rows}


def foremost(study: Study, cells: Sequence[str], most: int) -> list[Cell]:
    """At most `most` of the study's `cells`, in its order: the baseline, the confirmed by rank, then the best of the others."""
    if len(cells) <= most:
        return [study.cells[cell] for cell in cells]
    statement = study.statement
    sign = -1.0 if statement.higher_is_better else 1.0
    best: dict[str, float] = {}
    for row in study.rows:
        value = row.get(statement.metric)
        if row["status"] == Status.COMPLETED and value is not None and math.isfinite(value):
            best[row["cell"]] = min(sign * value, best.get(row["cell"], math.inf))

    def place(cell: str) -> tuple[bool, bool, float, float]:
        known = study.cells[cell]
        return (not known.is_baseline, not known.confirmed, known.rank or math.inf, best.get(cell, math.inf))

    kept = set(sorted(cells, key=place)[:most])
    return [study.cells[cell] for cell in cells if cell in kept]


def costs_differ(study: Study) -> bool:
    """Whether the cells differ in what a step costs: in size, optimizer state, or sequences at once. Else speed and memory tell nothing."""
    costs = [(row["parameters"], row["optimizer_state_bytes"], row["micro_batch_size"]) for row in study.rows if row["parameters"]]
    return len(set(costs)) > 1
