"""``landscape.parquet``: slices through the loss around the checkpoints of those runs that ``trainable.landscape`` scanned."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.columns import Column, schema_of
from analysis.load import Trial

FILE = "landscape.parquet"

SCHEMA = schema_of(
    [
        Column("trial", pa.string(), "", "name of the trial: <cell>-s<seed>"),
        Column("slice", pa.string(), "", "1d: along the first direction; 2d: over both"),
        Column("x", pa.float64(), "norm of the weights' filters", "step along the first direction"),
        Column("y", pa.float64(), "norm of the weights' filters", "step along the second direction; null in 1d"),
        Column("loss", pa.float64(), "nats/token", "validation loss there; null where it is not finite"),
    ]
)
_OWN = ("slice", "x", "y", "loss")


def landscape_table(trials: Sequence[Trial]) -> pa.Table | None:
    """The slices of all trials that have some; None when none has. A file of another form is passed over."""
    tables = [table for trial in trials if (table := _table_of(trial)) is not None]
    return pa.concat_tables(tables).combine_chunks() if tables else None


def _table_of(trial: Trial) -> pa.Table | None:
    if not trial.run_dir.has(FILE):
        return None
    try:
        table = pq.read_table(trial.run_dir.path / FILE, columns=list(_OWN))
        names = pa.array([trial.trial] * table.num_rows, pa.string())
        return pa.Table.from_arrays([names, *(table[name].combine_chunks() for name in _OWN)], schema=SCHEMA)
    except (OSError, KeyError, TypeError, pa.ArrowException):
        return None


def landscape_in(directory: Path) -> pa.Table:
    """The table of a sweep's directory; without rows when there is no such file. Raises ValueError when it cannot be read."""
    path = directory / FILE
    if not path.is_file():
        return SCHEMA.empty_table()
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
