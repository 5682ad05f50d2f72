"""Tables beside ``trials.parquet`` for what only some runs write: each is there when at least one run has something for it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from analysis import gates, landscape
from analysis.load import Trial
from trainable.spec.atomic_write import write_bytes

# File name to the table's content: None when no trial has any.
SIDE_TABLES: dict[str, Callable[[Sequence[Trial]], pa.Table | None]] = {
    gates.FILE: gates.gates_table,
    landscape.FILE: landscape.landscape_table,
}


def write_side_tables(directory: Path, trials: Sequence[Trial]) -> list[Path]:
    """Writes each table that has rows into `directory` and removes a former one that has none any more; returns the files."""
    written = []
    for name, table_of in SIDE_TABLES.items():
        path, table = directory / name, table_of(trials)
        if table is None:
            path.unlink(missing_ok=True)
            continue
        content = pa.BufferOutputStream()
        pq.write_table(table, content, compression="zstd")
        write_bytes(path, content.getvalue().to_pybytes())
        written.append(path)
    return written
