import hashlib
import os
from pathlib import Path

from analysis.checkpoints.hashes import Hashes


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_file_is_hashed_again_only_when_it_changed(tmp_path: Path) -> None:
    file, memory = tmp_path / "x", tmp_path / "hashes.json"
    file.write_bytes(b"one")
    first = Hashes(memory)
    assert (first.of(file), first.bytes_hashed) == (sha(b"one"), 3)
    first.remember()
    again = Hashes(memory)
    assert (again.of(file), again.bytes_hashed) == (sha(b"one"), 0)
    file.write_bytes(b"two")
    os.utime(file, ns=(1, 1))
    changed = Hashes(memory)
    assert (changed.of(file), changed.bytes_hashed) == (sha(b"two"), 3)


def test_without_computing_only_what_is_remembered_is_told(tmp_path: Path) -> None:
    file, other, memory = tmp_path / "x", tmp_path / "y", tmp_path / "hashes.json"
    file.write_bytes(b"one")
    other.write_bytes(b"two")
    known = Hashes(memory)
    known.of(file)
    known.remember()
    quick = Hashes(memory, compute=False)
    assert (quick.of(file), quick.of(other), quick.bytes_hashed) == (sha(b"one"), None, 0)


def test_hard_links_are_hashed_once(tmp_path: Path) -> None:
    file, link = tmp_path / "x", tmp_path / "y"
    file.write_bytes(b"one")
    os.link(file, link)
    hashes = Hashes()
    assert hashes.of(file) == hashes.of(link) == sha(b"one")
    assert hashes.bytes_hashed == 3


def test_a_damaged_memory_is_as_none(tmp_path: Path) -> None:
    file, memory = tmp_path / "x", tmp_path / "hashes.json"
    file.write_bytes(b"one")
    for text in ("", "[]", '{"format":1,"files":3}', '{"format":1,"files":{"x":3}}', '{"format":1,"files":{"x":[]}}'):
        memory.write_text(text)
        assert Hashes(memory).of(file) == sha(b"one")


def test_the_memory_forgets_files_that_are_gone_and_holds_no_absolute_path(tmp_path: Path) -> None:
    memory = tmp_path / "hashes.json"
    for name in ("x", "y"):
        (tmp_path / name).write_bytes(name.encode())
    both = Hashes(memory)
    both.of(tmp_path / "x"), both.of(tmp_path / "y")
    both.remember()
    one = Hashes(memory)
    one.of(tmp_path / "y")
    one.remember()
    text = memory.read_text()
    assert '"y"' in text
    assert '"x"' not in text
    assert str(tmp_path) not in text
