from pathlib import Path
from typing import Any

from trainable.data.checks import mistakes, model_mistakes
from trainable.data.prepared import PreparedData
from trainable.spec.config import DataConfig


def test_an_unknown_data_set_names_the_nearest() -> None:
    assert mistakes(DataConfig(name="tinystory")) == ["unknown data set 'tinystory' (did you mean 'tinystories'?)"]


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("a file, not a folder")
    request = DataConfig(name="text", path=str(tmp_path / "gone"), tokenizer="bp", split_seed=-1, root=str(tmp_path / "root"))
    found = mistakes(request)
    assert [mistake.split("=")[0] for mistake in found] == ["data.split_seed", "data.path", "data.tokenizer", "data.root"]


def test_a_path_that_nothing_reads_is_a_mistake(tmp_path: Path) -> None:
    (mistake,) = mistakes(DataConfig(name="stdlib", path="corpus.txt", root=str(tmp_path)))
    assert "only data=text reads a path" in mistake


def test_checking_writes_nothing(make_config: Any, tmp_path: Path) -> None:
    assert mistakes(make_config()) == []
    assert not (tmp_path / "data").exists()


def test_a_damaged_data_set_is_found_before_anything_starts(make_config: Any, prepared: PreparedData) -> None:
    (prepared.directory / "val.bin").write_bytes(b"")
    (mistake,) = mistakes(make_config())
    assert "val.bin: 0 bytes found" in mistake


def test_a_model_that_fits_is_no_mistake(prepared: PreparedData) -> None:
    assert model_mistakes(prepared, vocab_size=300, context_length=16) == []


def test_a_model_that_cannot_read_the_data_is_told_why(prepared: PreparedData) -> None:
    vocabulary, *short = model_mistakes(prepared, vocab_size=299, context_length=100_000)
    assert "model.vocab_size=299: must be at least the tokenizer's 300" in vocabulary
    assert [Path(sentence.split(":")[0]).name for sentence in short] == ["train.bin", "val.bin", "test.bin"]
    assert "do not fill one context of 100000" in short[0]
