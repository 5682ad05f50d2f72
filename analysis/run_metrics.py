"""One run's ``logs/metrics.csv`` as an Arrow table with every official metric, and notes on what could not be read."""

import errno
import math
import os
import stat
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from analysis.columns import metric_column, schema_of
from trainable.spec.metric_names import METRICS

METRIC_COLUMNS = [metric_column(name) for name in METRICS]
METRIC_SCHEMA = schema_of(METRIC_COLUMNS)
_AT_ONCE = 2**20


def read_metrics(path: Path) -> tuple[pa.Table, list[str]]:
    """Rows by step (one for each step, in order) in the columns of `METRIC_SCHEMA`; an empty cell is null.

    A torn last line, rows of another width, cells that are no numbers and unknown columns are left out, each with a note.
    Of a step that stands twice (a run that went on from a checkpoint) the last row counts.
    """
    try:
        content = read_regular(path)
    except FileNotFoundError:
        return METRIC_SCHEMA.empty_table(), [f"{path.name} missing"]
    except OSError as error:
        return METRIC_SCHEMA.empty_table(), [f"{path.name} unreadable ({error.strerror or type(error).__name__})"]
    return parse_metrics(content)


def read_regular(path: Path) -> bytes:
    """The content of a file; a pipe or a device, on which reading could wait for ever, raises OSError like one that cannot be read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        parts = [os.read(descriptor, found.st_size + 1)]
        while parts[-1]:
            parts.append(os.read(descriptor, _AT_ONCE))
        return parts[0] if len(parts) <= 2 else b"".join(parts)
    finally:
        os.close(descriptor)


def parse_metrics(content: bytes) -> tuple[pa.Table, list[str]]:
    """As `read_metrics`, of the file's content."""
    whole, _, torn = content.rpartition(b"\n")
    notes = ["last line of metrics.csv torn"] if torn else []
    if not whole.isascii():
        # Arrow's handler of invalid rows fails on bytes that are no UTF-8.
        whole = whole.decode(errors="replace").encode()
    header = whole.split(b"\n", 1)[0].decode(errors="replace").strip().split(",")
    if "step" not in header:
        return METRIC_SCHEMA.empty_table(), [*notes, "metrics.csv has no header with a step"]
    notes += [f"metrics.csv: unknown column '{name}' left out" for name in header if name not in METRICS]
    table, more = _parse(whole + b"\n", [name for name in dict.fromkeys(header) if name in METRICS])
    table, repeated = _by_step(with_all_columns(table))
    return table, [*notes, *more, *repeated]


def _parse(content: bytes, names: list[str]) -> tuple[pa.Table, list[str]]:
    types = {name: METRIC_SCHEMA.field(name).type for name in names}
    try:
        return read_csv(content, types)
    except pa.ArrowInvalid:
        table, notes = read_csv(content, dict.fromkeys(names, pa.string()))
    columns = {name: [_number(cell, types[name]) for cell in table[name].to_pylist()] for name in names}
    bad = sum(table[name].null_count < cells.count(None) for name, cells in columns.items())
    arrays = [pa.array(columns[name], types[name]) for name in names]
    return pa.Table.from_arrays(arrays, names=names), [*notes, f"metrics.csv: cells of {bad} columns are no numbers"]


def read_csv(content: bytes, types: dict[str, pa.DataType]) -> tuple[pa.Table, list[str]]:
    """The columns in `types`; raises ArrowInvalid when a cell is of another type."""
    skipped: list[int] = []

    def skip(row: csv.InvalidRow) -> str:
        skipped.append(row.actual_columns)
        return "skip"

    table = csv.read_csv(
        pa.BufferReader(content),
        read_options=csv.ReadOptions(use_threads=False),
        parse_options=csv.ParseOptions(invalid_row_handler=skip),
        convert_options=csv.ConvertOptions(column_types=types, include_columns=list(types), null_values=[""], strings_can_be_null=True),
    )
    return table, [f"metrics.csv: {len(skipped)} rows of another width left out"] if skipped else []


def _number(cell: str | None, kind: pa.DataType) -> int | float | None:
    try:
        value = float(cell or "")
    except ValueError:
        return None
    if not pa.types.is_integer(kind):
        return value
    return int(value) if math.isfinite(value) and value.is_integer() and abs(value) < 2**63 else None


def with_all_columns(table: pa.Table) -> pa.Table:
    present = set(table.column_names)
    nulls = {kind: pa.nulls(table.num_rows, kind) for kind in set(METRIC_SCHEMA.types)}
    columns = [table[field.name] if field.name in present else nulls[field.type] for field in METRIC_SCHEMA]
    return pa.Table.from_arrays(columns, schema=METRIC_SCHEMA)


def _by_step(table: pa.Table) -> tuple[pa.Table, list[str]]:
    """Sorted by step; of equal steps the last row."""
    notes = []
    if table["step"].null_count:
        notes.append(f"metrics.csv: {table['step'].null_count} rows without a step left out")
        table = table.filter(table["step"].is_valid())
    steps = table["step"].to_numpy()
    if np.all(np.diff(steps) > 0):
        return table, notes
    order = np.argsort(steps, kind="stable")
    last_of_step = np.append(np.diff(steps[order]) > 0, True)
    repeated = int(len(order) - last_of_step.sum())
    if repeated:
        notes.append(f"metrics.csv: {repeated} steps written again, the last row of each counts")
    return table.take(order[last_of_step]), notes
