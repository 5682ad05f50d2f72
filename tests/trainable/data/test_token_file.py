from pathlib import Path

import numpy as np
import pytest

from trainable.data.token_file import TokenFile, dtype_for, eot_indices, sha256_of


@pytest.mark.parametrize(("vocab_size", "dtype"), [(257, "<u2"), (65_536, "<u2"), (65_537, "<u4")])
def test_the_width_follows_the_vocabulary(vocab_size: int, dtype: str) -> None:
    assert dtype_for(vocab_size) == dtype
    assert np.iinfo(dtype).max >= vocab_size - 1


@pytest.mark.parametrize(
    ("dtype", "expected"), [("<u2", "0100 0200 0900 0900 0300 0900"), ("<u4", "01000000 02000000 09000000 09000000 03000000 09000000")]
)
def test_documents_lie_end_to_end_little_endian_each_followed_by_its_mark(tmp_path: Path, dtype: str, expected: str) -> None:
    with TokenFile(tmp_path / "train.bin", dtype, eot_token=9) as file:
        file.append([[1, 2], []])
        file.append([])
        file.append([[3]])
    assert (tmp_path / "train.bin").read_bytes() == bytes.fromhex(expected)
    assert (file.documents, file.tokens) == (3, 6)
    assert file.document_lengths().tolist() == [3, 1, 2]
    assert eot_indices(file.document_lengths()).tolist() == [2, 3, 5]
    assert file.sha256() == sha256_of(tmp_path / "train.bin")
