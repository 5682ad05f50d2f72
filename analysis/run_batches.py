"""The ``metrics.csv`` of many runs at once: files of one header are parsed together, and one that is not plain by itself, with notes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from analysis.run_metrics import METRIC_SCHEMA, parse_metrics, read_csv, read_metrics, read_regular, with_all_columns
from trainable.spec.metric_names import METRICS

_NEWLINE = ord("\n")


@dataclass(frozen=True)
class RunRows:
    """Rows of several runs one after the other, in the columns of `METRIC_SCHEMA`: `counts[i]` of them are those of the i-th run."""

    table: pa.Table
    counts: list[int]
    notes: list[list[str]]


def read_runs(paths: Sequence[Path]) -> RunRows:
    """What `read_metrics` gives for each of `paths`, in their order."""
    contents = [_content(path) for path in paths]
    headers = {_header(content) for content in contents if content is not None}
    if len(headers) == 1 and None not in contents and (together := _parse_together(headers.pop(), contents)) is not None:
        return together
    each = [read_metrics(path) if content is None else parse_metrics(content) for path, content in zip(paths, contents, strict=True)]
    tables = [table for table, _ in each]
    joined = pa.concat_tables(tables) if tables else METRIC_SCHEMA.empty_table()
    return RunRows(joined, [table.num_rows for table in tables], [notes for _, notes in each])


def _content(path: Path) -> bytes | None:
    try:
        return read_regular(path)
    except OSError:
        return None


def _header(content: bytes) -> bytes:
    end = content.find(b"\n")
    return content if end < 0 else content[:end]


def _parse_together(header: bytes, contents: Sequence[bytes | None]) -> RunRows | None:
    """All files in one pass; None when any of them asks for a closer look."""
    names = header.decode(errors="replace").split(",")
    if "step" not in names or len(set(names)) < len(names) or not set(names) <= METRICS.keys():
        return None
    whole = [content for content in contents if content is not None and content.endswith(b"\n")]
    if len(whole) < len(contents):
        return None
    bodies = [memoryview(content)[len(header) + 1 :] for content in whole]
    together = b"".join((header, b"\n", *bodies))
    if b'"' in together or not together.isascii():
        return None
    counts = [int(np.count_nonzero(np.frombuffer(body, np.uint8) == _NEWLINE)) for body in bodies]
    types = {name: METRIC_SCHEMA.field(name).type for name in names}
    try:
        table, notes = read_csv(together, types)
    except pa.ArrowInvalid:
        return None
    if notes or table.num_rows != sum(counts) or table["step"].null_count or not _rising(table["step"].to_numpy(), counts):
        return None
    return RunRows(with_all_columns(table), counts, [[] for _ in counts])


def _rising(steps: np.ndarray, counts: Sequence[int]) -> bool:
    """Whether the steps of every run rise."""
    rises = np.diff(steps) > 0
    first_of_a_run = np.cumsum(counts)[:-1]
    first_of_a_run = first_of_a_run[(first_of_a_run > 0) & (first_of_a_run <= len(rises))]
    rises[first_of_a_run - 1] = True
    return bool(rises.all())
