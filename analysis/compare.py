"""Cells against the baseline, over the seeds of the confirmation. Trials of the exploration never enter."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import Any

from analysis.columns import Row
from analysis.significance.intervals import Interval, mean_interval, relative_differences
from analysis.significance.welch import Welch, welch
from analysis.study import order_of
from analysis.trials import config_of
from trainable.spec.statement import Statement
from trainable.spec.status import Stage, Status

# A confirmation that ended in one of these will not bring a number any more.
_UNFINISHED = frozenset({Status.RUNNING, Status.PAUSED, Status.INTERRUPTED})


@dataclass(frozen=True)
class Replicates:
    """One cell's seeds: those with a finite value at the end of a full run, dead ones with the reason, and those still to come."""

    values: Mapping[int, float]
    dead: Mapping[int, str]
    pending: tuple[int, ...]


@dataclass(frozen=True)
class CellSummary:
    """One confirmed cell. `difference` and `relative_difference` compare means (cell - baseline); `paired` compares seed by seed,
    signed so that below 0 is better. None where there is nothing to compute from.
    """

    cell: str
    values: Mapping[str, Any]
    is_baseline: bool
    rank: int | None
    seeds: Replicates
    n: int
    mean: float | None
    std: float | None
    median: float | None
    difference: float | None
    relative_difference: float | None
    paired: Interval | None
    welch: Welch | None


def replicates(rows: Iterable[Row], cell: str, metric: str, seeds: Sequence[int]) -> Replicates:
    """The confirmation of `cell`: the value of `metric` at the end of every completed trial; `seeds` are those that were planned."""
    values: dict[int, float] = {}
    dead: dict[int, str] = {}
    pending = dict.fromkeys(seeds)
    for row in rows:
        if row["cell"] != cell or row["stage"] != Stage.CONFIRM or row["status"] in _UNFINISHED:
            continue
        seed, value = row["seed"], row.get(metric)
        pending.pop(seed, None)
        if row["status"] != Status.COMPLETED:
            dead[seed] = str(row["status"])
        elif value is None or not math.isfinite(value):
            dead[seed] = f"no {metric}" + (", see its note" if row.get("note") else "")
        else:
            values[seed] = float(value)
    return Replicates(dict(sorted(values.items())), dict(sorted(dead.items())), tuple(sorted(pending)))


def counted_seeds(statement: Statement, rows: Iterable[Row]) -> list[int]:
    """The seeds of the confirmation: those planned, and those on which trials ended before the plan was changed, which count as well."""
    ended = {row["seed"] for row in rows if row["stage"] == Stage.CONFIRM and row["status"] not in _UNFINISHED}
    return list(dict.fromkeys([*statement.seeds, *sorted(ended)]))


def confirmed_cells(statement: Statement, rows: Iterable[Row]) -> list[Row]:
    """One row for each cell of the confirmation: the baseline first, then by rank, then by the varied values."""
    first: dict[str, Row] = {}
    for row in rows:
        if row["stage"] == Stage.CONFIRM:
            first.setdefault(row["cell"], row)

    def place(row: Row) -> tuple[bool, float, list[tuple[int, float, str]], str]:
        values = [order_of(value) for value in config_of(row, statement.varied).values()]
        return (row["cell"] != statement.baseline_cell, row["finalist_rank"] or math.inf, values, row["cell"])

    return sorted(first.values(), key=place)


def compare(statement: Statement, rows: Sequence[Row], metric: str | None = None) -> list[CellSummary]:
    """Every confirmed cell by `metric` (default: the sweep's own), the baseline first, then the finalists by rank.

    For another metric than the sweep's own nobody said which way is better: its paired differences keep their sign.
    """
    metric = metric or statement.metric
    higher = statement.higher_is_better and metric == statement.metric
    baseline = replicates(rows, statement.baseline_cell, metric, statement.seeds)
    return [_summary(statement, row, rows, metric, baseline, higher) for row in confirmed_cells(statement, rows)]


def _summary(statement: Statement, row: Row, rows: Sequence[Row], metric: str, baseline: Replicates, higher: bool) -> CellSummary:
    seeds = replicates(rows, row["cell"], metric, statement.seeds)
    values, reference = list(seeds.values.values()), list(baseline.values.values())
    mean = fmean(values) if values else None
    is_baseline = row["cell"] == statement.baseline_cell
    comparable = not is_baseline and mean is not None and bool(reference)
    difference = mean - fmean(reference) if comparable and mean is not None else None
    pairs = list(relative_differences(seeds.values, baseline.values, higher_is_better=higher).values())
    return CellSummary(
        cell=row["cell"],
        values=config_of(row, statement.varied),
        is_baseline=is_baseline,
        rank=row["finalist_rank"],
        seeds=seeds,
        n=len(values),
        mean=mean,
        std=stdev(values) if len(values) > 1 else None,
        median=median(values) if values else None,
        difference=difference,
        relative_difference=difference / abs(fmean(reference)) if difference is not None and fmean(reference) else None,
        paired=mean_interval(pairs, statement.confidence) if comparable else None,
        welch=welch(values, reference, statement.confidence) if comparable else None,
    )
