from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainable.data.batches import open_prepared
from trainable.data.prepare import prepare
from trainable.data.prepared import PreparedData, open_directory, verify
from trainable.spec.mistakes import WrongRequest

FILES = ["train.bin", "val.bin", "test.bin", "eot_indices.npy", "doc_lengths.npy", "tokenizer.json"]


def test_opening_maps_what_was_prepared(make_config: Any, prepared: PreparedData) -> None:
    opened = open_prepared(make_config())
    assert isinstance(opened.train, np.memmap)
    assert opened.directory == prepared.directory == open_directory(prepared.directory).directory
    assert opened.manifest == prepared.manifest
    with pytest.raises(ValueError, match="read-only"):
        opened.train[0] = 1


def test_what_is_not_prepared_says_how_to_prepare_it(make_config: Any) -> None:
    with pytest.raises(WrongRequest, match=r"does not exist: prepare the data set first \(python -m trainable.data.prepare data=text\)"):
        open_prepared(make_config())


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["truncated", "foreign", "missing"])
def test_a_harmed_file_is_refused_with_its_sizes_and_the_way_to_mend(
    make_config: Any, prepared: PreparedData, name: str, harm: str
) -> None:
    path = prepared.directory / name
    content = path.read_bytes()
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(content[:-2] if harm == "truncated" else b"\0\1" * 5000)
    found = "missing" if harm == "missing" else f"{path.stat().st_size} bytes found"
    with pytest.raises(WrongRequest) as refused:
        open_prepared(make_config())
    assert refused.value.mistakes == [
        f"{path}: {found}, {len(content)} bytes expected; delete {prepared.directory} and prepare again (python -m trainable.data.prepare)"
    ]
    with pytest.raises(WrongRequest):
        prepare(make_config())


def test_all_harmed_files_are_named_at_once(make_config: Any, prepared: PreparedData) -> None:
    for name in FILES[:3]:
        (prepared.directory / name).unlink()
    with pytest.raises(WrongRequest) as refused:
        open_prepared(make_config())
    assert len(refused.value.mistakes) == 3


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"format": 99}'])
def test_a_folder_without_our_manifest_is_refused(make_config: Any, prepared: PreparedData, content: str | None) -> None:
    manifest = prepared.directory / "manifest.json"
    manifest.unlink()
    if content is not None:
        manifest.write_text(content)
    with pytest.raises(WrongRequest, match="not a manifest of format 1; delete"):
        open_prepared(make_config())
    assert len(verify(prepared.directory)) == 1


@pytest.mark.parametrize("name", FILES)
def test_verifying_finds_one_flipped_bit(prepared: PreparedData, name: str) -> None:
    assert verify(prepared.directory) == []
    path = prepared.directory / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    (mistake,) = verify(prepared.directory)
    assert mistake.startswith(f"{path}: SHA-256 ")


def test_arrays_are_read_without_pickle(prepared: PreparedData) -> None:
    np.save(prepared.directory / "doc_lengths.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        prepared.doc_lengths()


def test_the_root_may_be_anywhere(make_config: Any, tmp_path: Path, prepared: PreparedData) -> None:
    (tmp_path / "data").rename(tmp_path / "moved")
    moved = open_prepared(make_config(root=str(tmp_path / "moved")))
    np.testing.assert_array_equal(moved.train, np.fromfile(moved.directory / "train.bin", dtype=np.uint16))
    assert moved.directory.name == prepared.directory.name
