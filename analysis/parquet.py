"""Writes the two tables: whole or not at all, zstd, sorted, rows in bounded memory."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.columns import Column, Row, schema_of
from analysis.load import Trial
from analysis.run_metrics import METRIC_COLUMNS, read_metrics
from trainable.spec.atomic_write import sync_directory

ROWS_PER_GROUP = 65_536

_KEYS = [
    Column("trial", pa.string(), "", "name of the trial: <cell>-s<seed>"),
    Column("cell", pa.string(), "", "hash of the configuration without seed, tracking and resources"),
    Column("seed", pa.int64(), "", "seed of weights, batches and dropout"),
    Column("stage", pa.string(), "", "explore (may be stopped early) or confirm (full run on a fresh seed)"),
]
METRICS_SCHEMA = schema_of([*_KEYS, *METRIC_COLUMNS])


def write_trials(path: Path, columns: Sequence[Column], rows: Sequence[Row], **about: str) -> None:
    """``trials.parquet``: one row per trial; `about` goes into the table's metadata."""
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema_of(columns, **about))
    with _replaced(path) as beside:
        pq.write_table(table, beside, compression="zstd")


def write_metrics(path: Path, trials: Iterable[Trial]) -> dict[str, list[str]]:
    """``metrics.parquet``: one row per (trial, step), sorted; returns notes on damaged files, by trial.

    Reads one run at a time and writes a row group whenever `ROWS_PER_GROUP` rows are at hand. `trials` must be sorted by name.
    """
    notes: dict[str, list[str]] = {}
    order = [pq.SortingColumn(METRICS_SCHEMA.get_field_index(name)) for name in ("trial", "step")]
    with _replaced(path) as beside, pq.ParquetWriter(beside, METRICS_SCHEMA, compression="zstd", sorting_columns=order) as writer:
        for group in _groups(_tables(trials, notes)):
            writer.write_table(group)
    return notes


def _tables(trials: Iterable[Trial], notes: dict[str, list[str]]) -> Iterator[pa.Table]:
    for trial in trials:
        if not trial.run_dir.path.is_dir():
            continue
        metrics, notes[trial.trial] = read_metrics(trial.run_dir.metrics_csv)
        told = trial.told("step")
        if metrics.num_rows and isinstance(told, int) and (last := metrics["step"][-1].as_py()) < told:
            notes[trial.trial].append(f"metrics.csv ends at step {last}, summary.json at {told}")
        keys = (trial.trial, trial.cell or None, trial.seed, trial.stage or None)
        constant = [pa.repeat(pa.scalar(key, column.type), metrics.num_rows) for key, column in zip(keys, _KEYS, strict=True)]
        yield pa.Table.from_arrays([*constant, *metrics.columns], schema=METRICS_SCHEMA)


def _groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Neighbouring tables joined until they hold `ROWS_PER_GROUP` rows."""
    held, rows = list[pa.Table](), 0
    for table in tables:
        held.append(table)
        rows += table.num_rows
        if rows >= ROWS_PER_GROUP:
            yield pa.concat_tables(held).combine_chunks()
            held, rows = [], 0
    if held:
        yield pa.concat_tables(held).combine_chunks()


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    """A path beside `path` that takes its place when the block ends well, and vanishes when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield beside
        with open(beside, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)
