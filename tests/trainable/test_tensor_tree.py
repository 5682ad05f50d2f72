import json
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainable.tensor_tree import join_tree, split_tree

scalars = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=5)
keys = st.text(max_size=5) | st.integers(0, 100) | st.sampled_from(["$tensor", "$tuple", "$items", "$float"])
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(keys, inner, max_size=3), max_leaves=12
)


def round_trip(tree: Any) -> Any:
    skeleton, tensors = split_tree(tree, "tree")
    return join_tree(json.loads(json.dumps(skeleton, allow_nan=False)), tensors)


@given(trees)
def test_any_tree_of_plain_values_survives(tree: Any) -> None:
    assert round_trip(tree) == tree


def test_tensors_keep_every_bit_and_their_types() -> None:
    tensors = {dtype: torch.arange(6).to(dtype).reshape(2, 3) for dtype in (torch.float32, torch.bfloat16, torch.uint8, torch.int64)}
    again = round_trip({"t": list(tensors.values()), 0: torch.tensor(1.5)})
    assert all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(again["t"], tensors.values(), strict=True))
    assert again[0].shape == ()


def test_shared_memory_is_kept_once_and_comes_back_shared() -> None:
    weight = torch.randn(3, 3)
    skeleton, tensors = split_tree({"embedding": weight, "head": weight}, "model")
    assert len(tensors) == 1
    again = join_tree(skeleton, tensors)
    assert again["embedding"] is again["head"]


def test_infinite_floats_survive() -> None:
    again = round_trip([math.inf, -math.inf, math.nan])
    assert again[:2] == [math.inf, -math.inf]
    assert math.isnan(again[2])


def test_an_object_is_refused_with_its_place() -> None:
    with pytest.raises(TypeError, match=r"state\.a\.0 holds a object"):
        split_tree({"a": [object()]}, "state")
