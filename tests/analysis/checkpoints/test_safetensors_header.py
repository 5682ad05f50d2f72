from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save, save_file

from analysis.checkpoints.safetensors_header import TensorEntry, parse_header, read_header

TENSORS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros((), np.int64), "empty": np.zeros((0, 4), np.float16)}


def test_names_types_shapes_and_size_are_those_of_the_library(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "x.safetensors", {"rank": "4"})
    header = read_header(tmp_path / "x.safetensors")
    assert {name: (t.dtype, t.shape) for name, t in header.tensors.items()} == {
        "a": ("F32", (2, 3)),
        "b": ("I64", ()),
        "empty": ("F16", (0, 4)),
    }
    assert (header.entries, dict(header.metadata)) == (7, {"rank": "4"})


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole, path = save(TENSORS), tmp_path / "x.safetensors"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"torn|damaged|bytes of tensors"):
            read_header(path)


def test_a_gap_and_a_wrong_size_are_named() -> None:
    with pytest.raises(ValueError, match="tensor 'b' starts at byte 8, not 4"):
        parse_header(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[8,12]}}', 12)
    with pytest.raises(ValueError, match=r"tensor 'a' of F32 \[2\] has 4 bytes"):
        parse_header(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', 4)


def test_a_type_that_is_not_known_here_is_taken_by_its_offsets() -> None:
    assert parse_header(b'{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}', 2).tensors["a"] == TensorEntry("F4", (3,), 0, 2)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode), st.integers(0, 100))
def test_foreign_bytes_are_a_value_error(content: bytes, size: int) -> None:
    for text in (content, b'{"a":' + content + b"}"):
        try:
            parse_header(text, size)
        except ValueError:
            continue
        assert size == 0  # only an empty header describes an empty file
