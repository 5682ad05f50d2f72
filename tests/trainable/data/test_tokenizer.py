import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from trainable.data.tokenizer import end_of_text_id, mistakes, read_tokenizer, train_tokenizer, vocabulary_size
from trainable.spec.config import DataConfig


@pytest.fixture(scope="module")
def trained(documents: list[str]) -> Tokenizer:
    return train_tokenizer(iter(documents), 300)


@pytest.fixture
def folder(trained: Tokenizer, tmp_path: Path) -> Path:
    """vocab.json and merges.txt as GPT-2 publishes them."""
    trained.model.save(str(tmp_path))
    return tmp_path


@given(text=st.text())
def test_decoding_gives_back_any_text(trained: Tokenizer, text: str) -> None:
    assert trained.decode(trained.encode(text).ids, skip_special_tokens=False) == text


def test_the_vocabulary_has_the_size_asked_for_with_the_end_of_text_in_it(trained: Tokenizer) -> None:
    assert vocabulary_size(trained) == 300
    assert end_of_text_id(trained) == 0


def test_training_twice_gives_the_same_tokenizer(trained: Tokenizer, documents: list[str]) -> None:
    assert train_tokenizer(iter(documents), 300).to_str() == trained.to_str()


def test_every_byte_has_a_token_of_its_own(trained: Tokenizer) -> None:
    assert all(len(trained.encode(chr(codepoint)).ids) == 1 for codepoint in range(128))
    assert len(trained.encode("😀").ids) == 4  # four UTF-8 bytes never seen in training


def test_a_text_that_spells_out_the_mark_does_not_end_a_document(trained: Tokenizer, folder: Path) -> None:
    trained.save(str(folder / "tokenizer.json"))
    for tokenizer in (trained, read_tokenizer(folder)):
        ids = tokenizer.encode("a<|endoftext|>b").ids
        assert end_of_text_id(tokenizer) not in ids
        assert tokenizer.decode(ids) == "a<|endoftext|>b"


def test_merges_are_the_most_frequent_pairs_first() -> None:
    # "ab" occurs 5 times, then "abc" 3 times: the reference is counting by hand.
    tokenizer = train_tokenizer(iter(["ab", "ab", "abc", "abc", "abc"]), 259)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    assert [list(merge) for merge in merges] == [["a", "b"], ["ab", "c"]]


def test_a_folder_with_gpt2_files_encodes_as_the_tokenizer_they_came_from(trained: Tokenizer, folder: Path, documents: list[str]) -> None:
    read = read_tokenizer(folder)
    assert [read.encode(text).ids for text in documents] == [trained.encode(text).ids for text in documents]
    assert vocabulary_size(read) == 300


def test_a_fitting_folder_is_no_mistake(folder: Path) -> None:
    assert mistakes(DataConfig(tokenizer=str(folder), vocab_size=300)) == []


def test_a_vocabulary_of_another_size_says_both_numbers(folder: Path) -> None:
    (mistake,) = mistakes(DataConfig(tokenizer=str(folder), vocab_size=1024))
    assert "data.vocab_size=1024" in mistake
    assert "has 300 tokens" in mistake


def test_a_folder_without_a_vocabulary_is_a_mistake(folder: Path) -> None:
    (folder / "merges.txt").unlink()
    (mistake,) = mistakes(DataConfig(tokenizer=str(folder)))
    assert "must be 'bpe', or a folder with vocab.json and merges.txt" in mistake


def test_a_broken_vocabulary_is_a_mistake(folder: Path) -> None:
    (folder / "vocab.json").write_text("{")
    (mistake,) = mistakes(DataConfig(tokenizer=str(folder), vocab_size=300))
    assert "not a byte-level BPE vocabulary" in mistake


def test_a_vocabulary_without_end_of_text_is_a_mistake(folder: Path) -> None:
    vocabulary = json.loads((folder / "vocab.json").read_text())
    del vocabulary["<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (mistake,) = mistakes(DataConfig(tokenizer=str(folder), vocab_size=300))
    assert "no <|endoftext|>" in mistake
