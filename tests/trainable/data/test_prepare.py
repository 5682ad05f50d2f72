import fcntl
import json
import shutil
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from trainable.data import stdlib
from trainable.data.build import chunks
from trainable.data.prepare import main, prepare
from trainable.data.prepared import PreparedData, prepared_directory
from trainable.data.token_file import sha256_of
from trainable.spec.config import DataConfig
from trainable.spec.mistakes import WrongRequest

SPLITS = ("train", "val", "test")


def texts(data: PreparedData, split: str) -> list[str]:
    """The documents of a split, read from disk with nothing of ours: NumPy, the tokenizer file, nanoGPT's layout."""
    tokens = np.fromfile(data.directory / f"{split}.bin", dtype="<u2")
    tokenizer = Tokenizer.from_file(str(data.directory / "tokenizer.json"))
    eot = tokenizer.token_to_id("<|endoftext|>")
    assert tokens[-1] == eot
    parts = np.split(tokens, np.flatnonzero(tokens == eot) + 1)[:-1]
    return [tokenizer.decode(part[:-1].tolist(), skip_special_tokens=False) for part in parts]


def modified(directory: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in directory.iterdir()}


def test_the_files_hold_every_document_once_in_order(prepared: PreparedData, documents: list[str]) -> None:
    read = {split: texts(prepared, split) for split in SPLITS}
    assert [len(read[split]) for split in SPLITS] == [34, 4, 2]
    assert sorted(chain(*read.values())) == sorted(documents)
    for split in SPLITS:
        assert read[split] == [document for document in documents if document in set(read[split])]


def test_positions_and_lengths_of_the_training_documents_agree_with_the_file(prepared: PreparedData) -> None:
    tokens = np.fromfile(prepared.directory / "train.bin", dtype="<u2")
    np.testing.assert_array_equal(prepared.eot_indices(), np.flatnonzero(tokens == prepared.eot_token))
    np.testing.assert_array_equal(prepared.doc_lengths(), np.diff(prepared.eot_indices(), prepend=-1))
    assert prepared.doc_lengths().sum() == len(tokens)
    np.testing.assert_array_equal(prepared.train, tokens)


def test_the_manifest_tells_what_was_written(prepared: PreparedData, documents: list[str]) -> None:
    manifest = json.loads((prepared.directory / "manifest.json").read_text())
    assert manifest["dtype"] == "<u2"
    assert manifest["vocab_size"] == 300
    for name, facts in manifest["files"].items():
        path = prepared.directory / name
        assert facts == {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
    assert set(manifest["files"]) == {path.name for path in prepared.directory.iterdir()} - {"manifest.json"}
    assert sum(facts["utf8_bytes"] for facts in manifest["splits"].values()) == sum(len(text.encode()) for text in documents)
    for split in SPLITS:
        assert manifest["splits"][split]["tokens"] == len(getattr(prepared, split))
        assert manifest["splits"][split]["documents"] == len(texts(prepared, split))


def test_the_tokenizer_has_seen_the_training_split_alone(make_config: Any) -> None:
    first = prepare(make_config())
    (held_out, *_) = texts(first, "val")
    corpus = Path(make_config().path)
    corpus.write_text(corpus.read_text().replace(held_out, "zqzqzq " * 500))
    second = prepare(make_config(root=str(corpus.parent / "other")))
    assert (second.directory / "tokenizer.json").read_bytes() == (first.directory / "tokenizer.json").read_bytes()


def test_preparing_twice_does_nothing_and_says_so(make_config: Any) -> None:
    directory = prepare(make_config()).directory
    before = modified(directory)
    said: list[str] = []
    assert prepare(make_config(), said.append).directory == directory
    assert modified(directory) == before
    assert len(said) == 1
    assert said[0].startswith("already prepared")


def test_the_same_request_gives_the_same_bytes_in_another_place(make_config: Any, tmp_path: Path) -> None:
    one, other = prepare(make_config()), prepare(make_config(root=str(tmp_path / "elsewhere")))
    assert {p.name: p.read_bytes() for p in one.directory.iterdir()} == {p.name: p.read_bytes() for p in other.directory.iterdir()}
    assert one.directory.name == other.directory.name


@pytest.mark.parametrize("change", [{"vocab_size": 301}, {"val_fraction": 0.2}, {"split_seed": 1}, {"max_documents": 30}])
def test_what_changes_the_tokens_changes_the_folder(make_config: Any, change: dict[str, Any]) -> None:
    assert prepared_directory(make_config(**change)) != prepared_directory(make_config())


def test_a_text_that_changed_is_refused_and_one_that_was_only_touched_is_not(make_config: Any) -> None:
    corpus = Path(make_config().path)
    prepare(make_config())
    content = corpus.read_text()
    corpus.write_text(content)
    prepare(make_config())
    corpus.write_text(content + "<|endoftext|>one more")
    with pytest.raises(WrongRequest, match=r"corpus.txt: the text has changed since .* delete .* prepare again"):
        prepare(make_config())


def test_a_prepared_data_set_outlives_its_source(make_config: Any) -> None:
    config = make_config()
    prepare(config)
    Path(config.path).unlink()
    assert len(prepare(config).train) > 0


def test_a_vocabulary_above_65536_is_written_as_uint32(make_config: Any, tmp_path: Path) -> None:
    folder = tmp_path / "vocabulary"
    shutil.copytree(prepare(make_config()).directory, folder)
    Tokenizer.from_file(str(folder / "tokenizer.json")).model.save(str(folder))
    (folder / "tokenizer.json").unlink()
    vocabulary = json.loads((folder / "vocab.json").read_text())
    vocabulary |= {f"unused{n}": n for n in range(300, 70_000)} | {"<|endoftext|>": 70_000, "unused": 0}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    data = prepare(make_config(tokenizer=str(folder), vocab_size=70_001))
    tokens = np.fromfile(data.directory / "train.bin", dtype="<u4")
    assert data.train.dtype == np.dtype("<u4")
    assert np.count_nonzero(tokens == 70_000) == 34
    np.testing.assert_array_equal(data.train, tokens)


def test_a_prepared_folder_serves_as_tokenizer_of_another_text(make_config: Any, prepared: PreparedData, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("one\n\ntwo\n\nthree\n\nfour")
    data = prepare(make_config(path=str(other), tokenizer=str(prepared.directory)))
    assert sorted(chain(*(texts(data, split) for split in SPLITS))) == ["four", "one", "three", "two"]
    assert data.vocab_size == prepared.vocab_size


def test_a_file_that_is_one_document_cannot_be_split(make_config: Any, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("a single line")
    with pytest.raises(WrongRequest, match="the text has 1 document,"):
        prepare(make_config(path=str(tmp_path / "one.txt")))


def test_an_interruption_leaves_nothing_and_the_next_try_works(make_config: Any) -> None:
    def interrupt(text: str) -> None:
        if "written" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(make_config(), interrupt)
    directory = prepared_directory(make_config())
    assert [path.name for path in directory.parent.iterdir()] == [f".{directory.name}.lock"]
    assert prepare(make_config()).directory == directory


def test_what_a_killed_process_left_is_swept_away(make_config: Any) -> None:
    directory = prepared_directory(make_config())
    partial = directory.with_name(f".{directory.name}.partial")
    partial.mkdir(parents=True)
    (partial / "train.bin").write_text("half")
    prepare(make_config())
    assert not partial.exists()
    assert not (directory / "half").exists()


def test_a_second_process_waits_for_the_first(make_config: Any) -> None:
    directory = prepared_directory(make_config())
    directory.parent.mkdir(parents=True)
    said: list[str] = []
    with open(directory.with_name(f".{directory.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def report(text: str) -> None:
            said.append(text)
            if text.startswith("waiting"):
                assert not directory.exists()
                fcntl.flock(lock, fcntl.LOCK_UN)

        prepare(make_config(), report)
    assert said[0] == "waiting for another process that prepares the same data set"
    assert said[-1].startswith("prepared")


def test_of_two_processes_at_once_one_prepares_and_both_end_well(make_config: Any) -> None:
    config = make_config()
    command = [sys.executable, "-m", "trainable.data.prepare", "data=text", f"data.path={config.path}", f"data.root={config.root}"]
    both = [subprocess.Popen([*command, "data.vocab_size=300"], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    last_lines = sorted(process.communicate()[0].splitlines()[-1].split()[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert last_lines == ["already", "prepared"]


def test_the_standard_library_comes_back_from_its_tokens(tmp_path: Path) -> None:
    data = prepare(DataConfig(root=str(tmp_path), vocab_size=300, max_documents=12))
    sources = [text for text in stdlib.documents(DataConfig(), "train") if text.strip()][:12]
    assert sorted(chain(*(texts(data, split) for split in SPLITS))) == sorted(sources)


@given(
    lengths=st.lists(st.integers(0, 20), max_size=30),
    characters=st.integers(1, 25),
)
def test_chunks_hold_all_documents_and_end_when_they_are_full(lengths: list[int], characters: int) -> None:
    documents = [("train", "x" * length) for length in lengths]
    made = list(chunks(iter(documents), characters))
    assert list(chain(*made)) == documents
    sizes = [sum(len(text) for _, text in chunk) for chunk in made]
    assert all(size >= characters for size in sizes[:-1])
    assert all(size - len(chunk[-1][1]) < characters for size, chunk in zip(sizes, made, strict=True))


def test_the_command_prepares_and_verifies(make_config: Any, capsys: pytest.CaptureFixture[str]) -> None:
    config = make_config()
    argv = ["data=text", f"data.path={config.path}", f"data.root={config.root}", "data.vocab_size=300"]
    assert main(argv) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("prepared ")
    (directory,) = [path for path in (Path(config.root) / "processed").iterdir() if path.is_dir()]
    content = bytearray((directory / "val.bin").read_bytes())
    content[3] ^= 1
    (directory / "val.bin").write_bytes(content)
    assert main(argv) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {directory / 'val.bin'}: SHA-256 ")
    assert line.endswith(f"delete {directory} and prepare again (python -m trainable.data.prepare)")
