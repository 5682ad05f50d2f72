"""The rows of all trials of a sweep in order, read in pieces of bounded size: several files at once, unchanged runs from the last table."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from analysis import parquet
from analysis.load import Trial
from analysis.remembered import Remembered, RowsOfRun, Stamp, stamp_of
from analysis.run_batches import RunRows, read_runs

BYTES_AT_ONCE = 4 * 2**20
In = TypeVar("In")
Out = TypeVar("Out")
# Told after each piece: how many trials are done, and of how many.
Watch = Callable[[int, int], None]


@dataclass
class _Piece:
    """Neighbouring trials that are read together; `before` is where their rows lie in the last table, None for those that changed."""

    trials: list[Trial] = field(default_factory=list)
    stamps: list[Stamp] = field(default_factory=list)
    before: list[RowsOfRun | None] = field(default_factory=list)
    size: int = 0


def write_curves(path: Path, trials: Sequence[Trial], remembered: Remembered, watch: Watch | None = None) -> dict[str, list[str]]:
    """``metrics.parquet``: one row per (trial, step), sorted; returns notes on damaged files, by trial. `trials` must be sorted by name.

    When no file has changed and the trials are those of the last time, the table is left as it is.
    """
    pieces = list(_pieces(trials, remembered))
    names = [(trial.trial, trial.cell, trial.seed, trial.stage) for piece in pieces for trial in piece.trials]
    stands = remembered.is_table_of(names) and all(known is not None for piece in pieces for known in piece.before)
    notes: dict[str, list[str]] = {}
    if not stands:
        parquet.write_metrics(path, _tables(pieces, remembered, notes, watch))
        return notes
    for piece in pieces:
        for trial, stamp, known in zip(piece.trials, piece.stamps, piece.before, strict=True):
            if known is not None:
                remembered.note_rows(trial.run_dir.experiment_id, stamp, known)
                notes[trial.trial] = _noted(trial, known)
    return notes


def _tables(pieces: Sequence[_Piece], remembered: Remembered, notes: dict[str, list[str]], watch: Watch | None) -> Iterator[pa.Table]:
    first_row = done = 0
    total = sum(len(piece.trials) for piece in pieces)
    for piece, rows in _ahead(lambda piece: (piece, _read(piece, remembered)), pieces):
        ends = _last_steps(rows)
        for trial, stamp, count, last_step, noted in zip(piece.trials, piece.stamps, rows.counts, ends, rows.notes, strict=True):
            lie = RowsOfRun(first_row, count, last_step, noted)
            remembered.note_rows(trial.run_dir.experiment_id, stamp, lie)
            notes[trial.trial] = _noted(trial, lie)
            first_row += count
        done += len(piece.trials)
        if watch is not None:
            watch(done, total)
        yield parquet.with_keys(piece.trials, rows.counts, rows.table)


def _pieces(trials: Iterable[Trial], remembered: Remembered) -> Iterator[_Piece]:
    piece = _Piece()
    for trial in trials:
        stamp = stamp_of(trial.run_dir.metrics_csv)
        if not stamp.exists and not trial.run_dir.path.is_dir():
            continue
        piece.trials.append(trial)
        piece.stamps.append(stamp)
        piece.before.append(remembered.rows(trial.run_dir.experiment_id, stamp))
        piece.size += max(stamp.size, 0)
        if piece.size >= BYTES_AT_ONCE:
            yield piece
            piece = _Piece()
    if piece.trials:
        yield piece


def _read(piece: _Piece, remembered: Remembered) -> RunRows:
    changed = [trial.run_dir.metrics_csv for trial, before in zip(piece.trials, piece.before, strict=True) if before is None]
    if len(changed) == len(piece.trials):
        return read_runs(changed)
    try:
        return _merged(piece.before, read_runs(changed), remembered)
    except (OSError, pa.ArrowException):
        return read_runs([trial.run_dir.metrics_csv for trial in piece.trials])


def _merged(before: Sequence[RowsOfRun | None], fresh: RunRows, remembered: Remembered) -> RunRows:
    """The rows of changed runs between those of unchanged ones, in the order of the trials; neighbours are taken in one stretch."""
    counts, notes = list[int](), list[list[str]]()
    stretches: list[tuple[bool, int, int]] = []
    new, position = zip(fresh.counts, fresh.notes, strict=True), 0
    for known in before:
        start, (count, noted) = (position, next(new)) if known is None else (known.first_row, (known.count, known.notes))
        position += count if known is None else 0
        counts.append(count)
        notes.append(noted)
        old, first, length = stretches[-1] if stretches else (None, 0, 0)
        if old == (known is not None) and first + length == start:
            stretches.pop()
            start, count = first, length + count
        stretches.append((known is not None, start, count))
    tables = [remembered.take(start, count) if old else fresh.table.slice(start, count) for old, start, count in stretches]
    return RunRows(pa.concat_tables(tables), counts, notes)


def _last_steps(rows: RunRows) -> list[int | None]:
    """The last step of each run; None for one without rows."""
    ends, end = [], 0
    for count in rows.counts:
        end += count
        ends.append(end - 1 if count else None)
    return list(pc.take(rows.table["step"], pa.array(ends, pa.int64())).to_pylist())


def _noted(trial: Trial, rows: RowsOfRun) -> list[str]:
    told = trial.told("step")
    behind = rows.last_step is not None and isinstance(told, int) and rows.last_step < told
    return [*rows.notes, *([f"metrics.csv ends at step {rows.last_step}, summary.json at {told}"] if behind else [])]


def _ahead(work: Callable[[In], Out], items: Iterable[In]) -> Iterator[Out]:
    """The results of `work` in order; as many as there are cores are on their way while the one before is used."""
    workers = min(os.cpu_count() or 1, 8)
    with ThreadPoolExecutor(workers) as pool:
        waiting = iter(items)
        running: list[Future[Out]] = [pool.submit(work, item) for item in islice(waiting, workers)]
        while running:
            result = running.pop(0).result()
            running += [pool.submit(work, item) for item in islice(waiting, 1)]
            yield result
