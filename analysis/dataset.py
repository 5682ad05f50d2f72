"""A table of several sweeps as one Arrow data set, partitioned by sweep: ``DIR/sweep=<name>/trials.parquet``.

All parts have one schema, so that pandas, Polars and DuckDB read the folder as one table. Parts that an earlier call brought stay.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.columns import as_typed
from analysis.parquet import packing
from trainable.spec.atomic_write import replaced


def add_trials(output: Path, summarized: Mapping[str, Path]) -> int:
    """Brings ``trials.parquet`` of summarized folders, by the name of their part, into the data set; returns how many files were written.

    A part of an earlier call is written again when the schema has grown. A column that has numbers in one sweep and something else
    in another becomes text. Raises OSError or ValueError when a table cannot be read or written.
    """
    return _add(output, "trials.parquet", summarized)


def add_metrics(output: Path, summarized: Mapping[str, Path]) -> int:
    """As `add_trials`, the curves: ``metrics.parquet``, which has the same columns in every sweep."""
    return _add(output, "metrics.parquet", summarized)


def _add(output: Path, name: str, summarized: Mapping[str, Path]) -> int:
    given = {f"sweep={quote(part, safe='')}": folder / name for part, folder in summarized.items()}
    there = {path.parent.name: path for path in output.glob(f"sweep=*/{name}")}
    parts = dict(sorted({**there, **given}.items()))
    schema = common_schema(parts.values())
    changed = [part for part, path in parts.items() if part in given or not pq.read_schema(path).equals(schema)]
    for part in changed:
        _write(output / part / name, parts[part], schema)
    return len(changed)


def _write(target: Path, source: Path, schema: pa.Schema) -> None:
    """One part, a row group at a time."""
    file = pq.ParquetFile(source)
    with replaced(target) as beside, pq.ParquetWriter(beside, schema, **packing(schema)) as writer:
        for group in range(file.num_row_groups):
            writer.write_table(conformed(file.read_row_group(group), schema))


def common_schema(paths: Iterable[Path]) -> pa.Schema:
    """Every column of any file in the order of first sight. A file in which a column is empty has no say in the column's type."""
    fields: dict[str, pa.Field] = {}
    spoken: set[str] = set()
    for path in paths:
        schema, empty = _schema_and_empty_columns(path)
        for field in schema:
            known, says = fields.get(field.name), field.name not in empty
            if known is None or (says and field.name not in spoken):
                fields[field.name] = field
            elif says:
                fields[field.name] = known.with_type(_wider(known.type, field.type))
            spoken |= {field.name} if says else set()
    return pa.schema(fields.values())


def conformed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """`table` in the columns of `schema`; what it does not have is null."""
    columns = [
        pa.array([as_typed(value, field.type) for value in table[field.name].to_pylist()], field.type)
        if field.name in table.column_names and table[field.name].type != field.type
        else table[field.name]
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other:
        return one
    numbers = all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in (one, other))
    return pa.float64() if numbers else pa.string()


def _schema_and_empty_columns(path: Path) -> tuple[pa.Schema, set[str]]:
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    filled: set[str] = set()
    for group in range(file.num_row_groups):
        for place in range(file.metadata.num_columns):
            column = file.metadata.row_group(group).column(place)
            statistics = column.statistics
            if statistics is None or statistics.null_count is None or statistics.null_count < column.num_values:
                filled.add(column.path_in_schema.split(".list.")[0])
    return file.schema_arrow, set(file.schema_arrow.names) - filled
