import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.columns import as_typed, config_column, metric_column, schema_of, type_of

scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5))
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2), max_leaves=4
)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1e-3, 3e-3], pa.float64()),
        ([8, 16, None], pa.int64()),
        ([1, 0.5], pa.float64()),
        (["adamw", "sgd"], pa.string()),
        ([True, False], pa.bool_()),
        ([True, 1], pa.string()),
        ([[0.9, 0.95], [0.9, 0.999]], pa.list_(pa.float64())),
        ([[1], []], pa.list_(pa.int64())),
        ([2**63], pa.string()),
        ([{"a": 1}], pa.string()),
        ([None], pa.string()),
        ([], pa.string()),
    ],
)
def test_a_column_is_typed_by_its_values(values: list[Any], expected: pa.DataType) -> None:
    assert type_of(values) == expected


def same(value: Any, stored: Any, kind: pa.DataType) -> bool:
    if value is None or stored is None:
        return value is stored
    if pa.types.is_list(kind):
        return len(value) == len(stored) and all(same(a, b, kind.value_type) for a, b in zip(value, stored, strict=True))
    if pa.types.is_string(kind):
        return bool(stored == value or json.loads(stored) == value)
    return bool(stored == float(value) if pa.types.is_float64(kind) else stored == value)


@given(st.lists(anything, max_size=5))
def test_every_value_fits_the_type_that_was_chosen_for_it(values: list[Any]) -> None:
    kind = type_of(values)
    stored = pa.array([as_typed(value, kind) for value in values], kind).to_pylist()
    assert all(same(value, back, kind) for value, back in zip(values, stored, strict=True))


def test_a_value_of_another_type_is_refused_and_not_bent() -> None:
    for value, kind in [("12", pa.int64()), (1.5, pa.int64()), (True, pa.float64()), (1, pa.bool_()), ([1.5], pa.list_(pa.int64()))]:
        with pytest.raises(ValueError, match="is not of type"):
            as_typed(value, kind)


def test_columns_carry_unit_and_meaning() -> None:
    schema = schema_of([metric_column("eval/loss"), config_column("training.batch_size", [8, 16]), config_column("optimizer", ["sgd"])])
    assert schema.field("eval/loss").metadata[b"unit"] == b"nats/token"
    assert schema.field("config.training.batch_size").metadata[b"unit"] == b"sequences"
    assert schema.field("config.training.batch_size").metadata[b"meaning"].startswith(b"global batch")
    assert schema.field("config.optimizer").metadata[b"meaning"] == b"varied key optimizer"
