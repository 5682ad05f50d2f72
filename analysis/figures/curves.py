"""One metric over the steps of every trial, and its mean and deviation over the seeds of the confirmed cells."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analysis.study import Study
from trainable.spec.status import Stage, Status

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """One trial's measured values, in order of steps."""

    trial: str
    cell: str
    stage: str
    status: str
    steps: Numbers
    values: Numbers


@dataclass(frozen=True, eq=False)
class Band:
    """Mean and sample standard deviation over the `n` completed seeds of a confirmed cell, at the steps that all of them have."""

    cell: str
    steps: Numbers
    mean: Numbers
    std: Numbers
    n: int


@dataclass(frozen=True)
class Panel:
    """One metric: `curves` are drawn one by one, `bands` stand for the completed confirmations."""

    metric: str
    curves: list[Curve]
    bands: list[Band]


def panels(study: Study, metrics: Iterable[str], *, above_zero: bool = False) -> list[Panel]:
    """One panel for each metric that was measured; `above_zero` leaves out what a logarithmic axis cannot show."""
    measured = ((metric, curves_of(study, metric, above_zero=above_zero)) for metric in metrics)
    return [_panel(metric, curves) for metric, curves in measured if curves]


def curves_of(study: Study, metric: str, *, above_zero: bool = False) -> list[Curve]:
    """Every trial's curve of `metric`; only finite values, so a diverged one ends where it was last finite."""
    with pq.ParquetFile(study.metrics) as file:
        if metric not in file.schema_arrow.names:
            return []
        table = file.read(columns=["trial", "step", metric])
    rows_of = _rows_by_trial(table["trial"])
    steps, values = table["step"].to_numpy().astype(float), table[metric].to_numpy(zero_copy_only=False).astype(float)
    drawable = np.isfinite(values) & ((values > 0) | (not above_zero))
    curves = []
    for row in study.rows:
        rows = rows_of.get(row["trial"], slice(0, 0))
        x, y = steps[rows][drawable[rows]], values[rows][drawable[rows]]
        if len(x):
            curves.append(Curve(row["trial"], row["cell"], row["stage"], row["status"], x, y))
    return curves


def _rows_by_trial(trials: pa.ChunkedArray) -> dict[str, slice]:
    """Where each trial's rows lie in a table that is sorted by trial."""
    coded = trials.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    codes, names = coded.indices.to_numpy(), coded.dictionary.to_pylist()
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    return {names[codes[start]]: slice(start, end) for start, end in pairwise([*starts.tolist(), len(codes)])}


def _panel(metric: str, curves: list[Curve]) -> Panel:
    by_cell: dict[str, list[Curve]] = {}
    for curve in filter(_counts, curves):
        by_cell.setdefault(curve.cell, []).append(curve)
    bands = {cell: band for cell, seeds in by_cell.items() if (band := _band(cell, seeds)) is not None}
    return Panel(metric, [curve for curve in curves if not (_counts(curve) and curve.cell in bands)], list(bands.values()))


def _counts(curve: Curve) -> bool:
    return curve.stage == Stage.CONFIRM and curve.status == Status.COMPLETED


def _band(cell: str, curves: Sequence[Curve]) -> Band | None:
    steps = curves[0].steps
    for curve in curves[1:]:
        steps = np.intersect1d(steps, curve.steps)
    if not len(steps):
        return None
    stacked = np.stack([curve.values[np.isin(curve.steps, steps)] for curve in curves])
    std = stacked.std(axis=0, ddof=1) if len(curves) > 1 else np.zeros(len(steps))
    return Band(cell, steps, stacked.mean(axis=0), std, len(curves))
