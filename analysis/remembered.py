"""What the last summary read of each run, in ``.summarized.parquet`` beside the tables, so that only changed runs are read again.

A file counts as unchanged when its name, its size and its modification time in nanoseconds are those it had when it was read, and
when that time lay two seconds back or more: a file system's clock may tick more slowly than two writes follow each other. The rows
of unchanged runs are taken from ``metrics.parquet``, if it is still the file that was written then. Whatever is missing, damaged or
of another form is forgotten, and everything is read again.
"""

import json
import stat
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.run_metrics import METRIC_SCHEMA, read_regular
from trainable.spec.atomic_write import replaced

_SETTLED_NS = 2_000_000_000
_FORMAT = "1"


class Stamp(NamedTuple):
    """What tells one version of a file from another; both are -1 for a file that is not there or no regular file."""

    size: int
    mtime_ns: int

    @property
    def exists(self) -> bool:
        return self.size >= 0


_ABSENT = Stamp(-1, -1)


def stamp_of(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return _ABSENT
    return Stamp(found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else _ABSENT


@dataclass(frozen=True)
class RowsOfRun:
    """Where the rows of one run lie in ``metrics.parquet``, its last step (None without rows), and what could not be read."""

    first_row: int
    count: int
    last_step: int | None
    notes: list[str]


@dataclass
class _Run:
    summary_stamp: Stamp = _ABSENT
    summary: bytes = b""
    metrics_stamp: Stamp = _ABSENT
    rows: RowsOfRun = RowsOfRun(0, 0, None, [])


_SCHEMA = pa.schema(
    [
        ("run_id", pa.string()),
        ("summary_size", pa.int64()),
        ("summary_mtime_ns", pa.int64()),
        ("summary", pa.binary()),
        ("metrics_size", pa.int64()),
        ("metrics_mtime_ns", pa.int64()),
        ("first_row", pa.int64()),
        ("rows", pa.int64()),
        ("last_step", pa.int64()),
        ("notes", pa.list_(pa.string())),
    ]
)


class Remembered:
    """The runs that the last summary in `folder` read, and those that are read now; `write` keeps the latter for the next time.

    Without a folder nothing is remembered, and nothing can be written.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = (folder or Path()) / ".summarized.parquet"
        self._tables = (folder or Path()) / "metrics.parquet"
        self._before, self._names, self._old_rows = _recall(self._path, self._tables) if folder else ({}, "", None)
        self._now: dict[str, _Run] = {}
        self._now_names = ""
        self._began_ns = time.time_ns()

    def summary(self, run_id: str, path: Path) -> bytes:
        """The content of ``summary.json``, read only when it has changed. Raises OSError when it cannot be read."""
        stamp, before = stamp_of(path), self._before.get(run_id)
        content = before.summary if before is not None and stamp.exists and before.summary_stamp == stamp else read_regular(path)
        now = self._now.setdefault(run_id, _Run())
        now.summary_stamp, now.summary = stamp, content
        return content

    def is_table_of(self, names: Sequence[object]) -> bool:
        """Whether the last ``metrics.parquet`` still stands and has the rows of these trials; they are those of the next one."""
        self._now_names = sha256(repr(names).encode()).hexdigest()
        return self._old_rows is not None and self._names == self._now_names

    def rows(self, run_id: str, stamp: Stamp) -> RowsOfRun | None:
        """Where the rows of an unchanged ``metrics.csv`` lie in the table of the last time; None when it must be read."""
        before = self._before.get(run_id)
        if self._old_rows is None or before is None or not stamp.exists or before.metrics_stamp != stamp:
            return None
        return before.rows

    def take(self, first_row: int, count: int) -> pa.Table:
        """Rows of the last ``metrics.parquet``, in the columns of `METRIC_SCHEMA`. Raises OSError when it is damaged."""
        if self._old_rows is None:
            raise OSError(f"{self._tables} is not the table of the last summary")
        return self._old_rows.take(first_row, count)

    def note_rows(self, run_id: str, stamp: Stamp, rows: RowsOfRun) -> None:
        """Says where the rows of a run lie in the table that is being written."""
        now = self._now.setdefault(run_id, _Run())
        now.metrics_stamp, now.rows = stamp, rows

    def write(self) -> None:
        """For the next summary; call it when the new ``metrics.parquet`` is in its place."""
        about = {"format": _FORMAT, "names": self._now_names, "metrics": json.dumps(stamp_of(self._tables))}
        rows = [self._settled(run_id, now) for run_id, now in self._now.items()]
        columns = [pa.array([row[place] for row in rows], column.type) for place, column in enumerate(_SCHEMA)]
        table = pa.Table.from_arrays(columns, schema=_SCHEMA)
        with replaced(self._path, sync=False) as beside:
            pq.write_table(table.replace_schema_metadata(about), beside, compression="zstd", use_dictionary=False, write_page_checksum=True)

    def _settled(self, run_id: str, now: _Run) -> list[Any]:
        """A row of the file; a version so new that the next one could look the same is not remembered."""
        before = self._began_ns - _SETTLED_NS
        summary, metrics = (stamp if stamp.mtime_ns < before else _ABSENT for stamp in (now.summary_stamp, now.metrics_stamp))
        rows = now.rows
        return [run_id, *summary, now.summary if summary.exists else b"", *metrics, rows.first_row, rows.count, rows.last_step, rows.notes]


class _OldRows:
    """Any stretch of rows of a Parquet file; the last two row groups are kept, for stretches that are taken at once lie side by side."""

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetFile(path, page_checksum_verification=True)
        if not self._file.schema_arrow.empty_table().select(METRIC_SCHEMA.names).schema.equals(METRIC_SCHEMA):
            raise ValueError(f"{path} has other columns")
        sizes = [self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(sizes)])
        self._held: dict[int, pa.Table] = {}
        self._lock = threading.Lock()

    def take(self, first: int, count: int) -> pa.Table:
        with self._lock:
            parts = []
            for group in range(self._file.num_row_groups):
                start, end = int(self._starts[group]), int(self._starts[group + 1])
                low, high = max(first, start), min(first + count, end)
                if low < high:
                    parts.append(self._group(group).slice(low - start, high - low))
        taken = pa.concat_tables(parts) if parts else METRIC_SCHEMA.empty_table()
        if taken.num_rows != count:
            raise OSError("the table of the last summary is shorter than it was")
        return taken

    def _group(self, group: int) -> pa.Table:
        if group not in self._held:
            while len(self._held) > 1:
                del self._held[next(iter(self._held))]
            self._held[group] = self._file.read_row_group(group, columns=METRIC_SCHEMA.names)
        return self._held[group]


def _recall(path: Path, tables: Path) -> tuple[Mapping[str, _Run], str, _OldRows | None]:
    """What stands in the file, the digest of its trials' names, and the table that it speaks of, if that is still the same."""
    try:
        table = pq.ParquetFile(path, page_checksum_verification=True).read()
        about = table.schema.metadata or {}
        if about.get(b"format") != _FORMAT.encode() or not table.schema.equals(_SCHEMA):
            return {}, "", None
        known = {run_id: _run(*rest) for run_id, *rest in zip(*(column.to_pylist() for column in table.columns), strict=True)}
        stands = Stamp(*json.loads(about[b"metrics"])) == stamp_of(tables)
        return known, about[b"names"].decode(), _OldRows(tables) if stands else None
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
        return {}, "", None


def _run(size: int, mtime_ns: int, summary: bytes, metrics_size: int, metrics_ns: int, *rows: Any) -> _Run:
    return _Run(Stamp(size, mtime_ns), summary, Stamp(metrics_size, metrics_ns), RowsOfRun(*rows))
