from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainable.data import text
from trainable.spec.config import DataConfig
from trainable.spec.mistakes import WrongRequest


def config(path: Path | str | None, **changes: Any) -> DataConfig:
    return DataConfig(name="text", path=None if path is None else str(path), **changes)


def documents(path: Path, **changes: Any) -> list[str]:
    return [document for document in text.documents(config(path, **changes), "train") if document]


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@given(content=st.text(alphabet="ab-|\n", max_size=60), cuts=st.lists(st.integers(0, 60), max_size=6))
def test_parting_does_not_depend_on_where_the_blocks_are_cut(content: str, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(content)]
    blocks = (content[a:b] for a, b in pairwise(edges))
    assert list(text.parted_by("-|-", blocks)) == [document.strip("\n") for document in content.split("-|-")]


def test_a_file_with_end_of_text_marks_is_parted_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "one\n\nstill one<|endoftext|>\ntwo\n<|endoftext|>")
    assert documents(path) == ["one\n\nstill one", "two"]


def test_a_file_without_them_is_parted_at_blank_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "\n\nFirst:\n  indented\n\n \t\n\nSecond\n")
    assert documents(path) == ["First:\n  indented", "Second"]


def test_a_given_separator_wins(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "one\n\n***\ntwo<|endoftext|>")
    assert documents(path, document_separator="***") == ["one", "two<|endoftext|>"]


def test_windows_line_ends_and_a_byte_order_mark_are_no_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", b"\xef\xbb\xbfone\r\nmore\r\n\r\ntwo")
    assert documents(path) == ["one\nmore", "two"]


def test_every_text_file_of_a_folder_is_a_document_in_the_order_of_the_paths(tmp_path: Path) -> None:
    content: dict[str, str | bytes] = {"b.txt": "B\n\nB", "a/z.md": "AZ", "a.txt": "A"}
    left_out: dict[str, str | bytes] = {".hidden": "no", ".git/config": "no", "picture.png": b"\x89PNG\0", "latin": b"\xff"}
    for name, text_or_bytes in (content | left_out).items():
        write(tmp_path / name, text_or_bytes)
    assert documents(tmp_path) == ["A", "AZ", "B\n\nB"]
    assert text.mistakes(config(tmp_path)) == []


def cases(folder: Path) -> Iterator[tuple[str | None, str]]:
    write(folder / "corpus.txt", "text")
    write(folder / "bare" / "picture.png", b"\0\1")
    yield None, "data.path is not given"
    yield str(folder / "corpus.text"), "no such file or folder (did you mean 'corpus.txt'?)"
    yield str(write(folder / "empty.txt", "")), "the file is empty"
    yield str(write(folder / "nul.txt", b"text\0text")), "not a text file"
    yield str(write(folder / "latin1.txt", "café".encode("latin-1"))), "not a text file"
    yield str(folder / "bare"), "no text file"


def test_each_unusable_path_is_one_sentence(tmp_path: Path) -> None:
    for path, sentence in cases(tmp_path):
        (mistake,) = text.mistakes(config(path))
        assert sentence in mistake
        assert path is None or path in mistake


def test_a_character_cut_by_the_first_block_is_still_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_BLOCK", 4)
    assert text.mistakes(config(write(tmp_path / "a.txt", "abc→def"))) == []


@pytest.mark.parametrize("content", [b"fine\n\nfine\n\n\xff", b"fine<|endoftext|>\xff"])
def test_a_file_that_turns_out_to_be_binary_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(text, "_BLOCK", 4)
    path = write(tmp_path / "a.txt", content)
    assert text.mistakes(config(path)) == []
    with pytest.raises(WrongRequest, match=r"a\.txt: not a text file"):
        documents(path)


def test_the_fingerprint_follows_size_and_time_and_a_missing_source_has_none(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "text")
    before = text.fingerprint(config(path))
    assert before == {"files": 1, "bytes": 4, "modified_ns": path.stat().st_mtime_ns}
    assert text.fingerprint(config(tmp_path / "gone")) == {}
