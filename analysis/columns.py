"""A column of our Parquet tables: its Arrow type, and its unit and meaning in the field's metadata."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyarrow as pa

from trainable.spec.config import GROUPS
from trainable.spec.metric_names import METRICS, Metric

# One row of trials.parquet as plain Python: column name to value, None where nothing was measured.
Row = Mapping[str, Any]

TABLE_FORMAT = 1
CONFIG_PREFIX = "config."
_INT64 = 2**63


@dataclass(frozen=True)
class Column:
    name: str
    type: pa.DataType
    unit: str
    meaning: str

    def field(self) -> pa.Field:
        return pa.field(self.name, self.type, metadata={"unit": self.unit, "meaning": self.meaning})


def schema_of(columns: Iterable[Column], **about: str) -> pa.Schema:
    """The Arrow schema of `columns`; `about` becomes metadata of the whole table."""
    return pa.schema([column.field() for column in columns], metadata={"format": str(TABLE_FORMAT), **about})


def metric_column(name: str) -> Column:
    metric = METRICS.get(name, Metric(name, "1", "score of a downstream task"))
    return Column(name, pa.int64() if metric.integer else pa.float64(), metric.unit, metric.meaning)


def config_column(key: str, values: Sequence[Any]) -> Column:
    """The column of a varied key, typed by the `values` it takes, with the unit and help text of the configuration."""
    group, _, name = key.partition(".")
    option = GROUPS[group].__dataclass_fields__.get(name) if group in GROUPS else None  # type: ignore[attr-defined]
    about = option.metadata if option is not None else {}
    return Column(CONFIG_PREFIX + key, type_of(values), about.get("unit", ""), about.get("help") or f"varied key {key}")


def type_of(values: Sequence[Any]) -> pa.DataType:
    """bool, int64, double, string or a list of one of them; what fits none of them is kept as JSON text."""
    given = [value for value in values if value is not None]
    if given and all(isinstance(value, list) for value in given):
        inner = type_of([item for value in given for item in value])
        return pa.list_(inner)
    if given and all(isinstance(value, bool) for value in given):
        return pa.bool_()
    if given and all(_is_number(value) for value in given):
        return pa.int64() if all(isinstance(value, int) for value in given) else pa.float64()
    return pa.string()


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and (isinstance(value, float) or (isinstance(value, int) and -_INT64 <= value < _INT64))


def as_typed(value: Any, kind: pa.DataType) -> Any:
    """`value` as a column of type `kind` holds it. Raises ValueError when it does not fit."""
    return None if value is None else fit_to(kind)(value)


@cache
def fit_to(kind: pa.DataType) -> Callable[[Any], Any]:
    """What makes a value, other than None, one of a column of type `kind`, or raises ValueError."""
    if pa.types.is_string(kind):
        return lambda value: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    fits, made = _fits_and_makes(kind)

    def fit(value: Any) -> Any:
        if not fits(value):
            raise ValueError(f"{value!r} is not of type {kind}")
        return made(value)

    return fit


def _fits_and_makes(kind: pa.DataType) -> tuple[Callable[[Any], bool], Callable[[Any], Any]]:
    if pa.types.is_list(kind):
        return lambda value: isinstance(value, list), lambda value: [as_typed(item, kind.value_type) for item in value]
    if pa.types.is_boolean(kind):
        return lambda value: isinstance(value, bool), bool
    if pa.types.is_float64(kind):
        return _is_number, float
    if pa.types.is_int64(kind):
        return _is_whole, int
    return lambda _value: False, lambda value: value


def _is_whole(value: Any) -> bool:
    return _is_number(value) and -_INT64 <= value < _INT64 and float(value).is_integer()
