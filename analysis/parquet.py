"""Writes the two tables: whole or not at all, zstd, sorted, rows in bounded memory."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.columns import Column, Row, schema_of
from analysis.load import Trial
from analysis.run_metrics import METRIC_COLUMNS
from trainable.spec.atomic_write import replaced

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
    arrays = [pa.array([row[column.name] for row in rows], column.type) for column in columns]
    table = pa.Table.from_arrays(arrays, schema=schema_of(columns, **about))
    with replaced(path) as beside:
        pq.write_table(table, beside, compression="zstd", use_dictionary=False)


def write_metrics(path: Path, pieces: Iterable[pa.Table]) -> None:
    """``metrics.parquet`` from tables of `METRICS_SCHEMA` in the order of (trial, step), in row groups of `ROWS_PER_GROUP`."""
    order = [pq.SortingColumn(METRICS_SCHEMA.get_field_index(name)) for name in ("trial", "step")]
    with replaced(path) as beside, pq.ParquetWriter(beside, METRICS_SCHEMA, sorting_columns=order, **packing(METRICS_SCHEMA)) as writer:
        for group in _groups(pieces):
            writer.write_table(group)


def packing(schema: pa.Schema) -> dict[str, Any]:
    """How curves are packed: memory, which stays the same over many steps, by dictionary, other numbers as streams of bytes.

    Floats that were float32 once have four streams of eight that compress to nothing, small integers seven of them.
    """
    repeat = [column.name for column in schema if column.name.startswith("memory/")]
    numbers = [column.name for column in schema if pa.types.is_floating(column.type) or pa.types.is_integer(column.type)]
    streams = [name for name in numbers if name not in repeat]
    return {"compression": "zstd", "use_dictionary": repeat, "use_byte_stream_split": streams, "write_page_checksum": True}


def with_keys(trials: Sequence[Trial], counts: Sequence[int], metrics: pa.Table) -> pa.Table:
    """Rows of several trials, `counts[i]` of the i-th, with the columns that name their trial before them."""
    of_trial = pa.array(np.repeat(np.arange(len(trials), dtype=np.int32), counts))
    keys = [[(trial.trial, trial.cell or None, trial.seed, trial.stage or None)[place] for trial in trials] for place in range(len(_KEYS))]
    columns = [pa.array(values, column.type).take(of_trial) for values, column in zip(keys, _KEYS, strict=True)]
    return pa.Table.from_arrays([*columns, *metrics.columns], schema=METRICS_SCHEMA)


def _groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The rows of all tables in groups of `ROWS_PER_GROUP`; the last one has what is left."""
    held, rows = list[pa.Table](), 0
    for table in tables:
        held.append(table)
        rows += table.num_rows
        while rows >= ROWS_PER_GROUP:
            joined = pa.concat_tables(held)
            yield joined.slice(0, ROWS_PER_GROUP)
            held, rows = [joined.slice(ROWS_PER_GROUP)], rows - ROWS_PER_GROUP
    if rows:
        yield pa.concat_tables(held)
