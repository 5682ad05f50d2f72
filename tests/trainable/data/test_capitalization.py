from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainable.data.capitalization import SOURCE, document, documents, question, words
from trainable.data.checks import mistakes
from trainable.data.prepare import prepare
from trainable.data.tokenizer import read_tokenizer
from trainable.spec.compose import compose_run
from trainable.spec.config import DataConfig


def config_of(**changes: Any) -> DataConfig:
    return DataConfig(**{"name": "capitalization", "word_length": 3, "max_documents": 50, "vocab_size": 257, **changes})


@given(st.integers(1, 12))
def test_words_are_different_repeatable_and_as_long_as_asked_for(length: int) -> None:
    found = list(islice(words(length), 20))
    assert len(set(found)) == len(found)
    assert all(len(word) == length and word.isascii() and word.islower() for word in found)
    assert list(islice(words(length), 20)) == found


def test_there_are_as_many_words_as_letters_allow() -> None:
    assert sorted(words(1)) == list("abcdefghijklmnopqrstuvwxyz")
    assert len(list(words(2))) == 26**2


def test_the_words_of_this_data_set_never_change() -> None:
    """Golden: another sequence would be another data set under the same name."""
    assert list(islice(words(8), 2)) == ["koqdnpkh", "nikdtiea"]


def test_a_document_is_its_question_and_its_answer() -> None:
    assert document("abc") == "abc -> Abc"
    prompt, answer = question("abc -> Abc")
    assert (prompt, answer) == ("abc ->", " Abc")
    assert prompt + answer == document("abc")


def test_fewer_documents_are_the_first_of_more() -> None:
    assert list(documents(config_of(max_documents=5), "train")) == list(documents(config_of(), "train"))[:5]


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"word_length": None}, ["data.word_length=None", "at least 1"]),
        ({"word_length": 0}, ["data.word_length=0", "at least 1"]),
        ({"max_documents": None}, ["data.max_documents is not given"]),
        ({"word_length": 2, "max_documents": 677}, ["data.max_documents=677", "only 676 words of data.word_length=2"]),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(changes: dict[str, Any], parts: list[str]) -> None:
    (mistake,) = SOURCE.mistakes(config_of(**changes))
    assert all(part in mistake for part in parts)


def test_no_other_data_set_is_made_of_words(tmp_path: Any) -> None:
    (mistake,) = mistakes(DataConfig(word_length=8, root=str(tmp_path)))
    assert "data.word_length=8: only data=capitalization" in mistake


def test_prepared_it_has_splits_without_a_common_word_and_one_token_a_letter(tmp_path: Any) -> None:
    config = compose_run(["data=capitalization", "data.word_length=3", "data.max_documents=100", f"data.root={tmp_path}"]).data
    data = prepare(config)
    assert {name: facts["documents"] for name, facts in data.manifest["splits"].items()} == {"train": 80, "val": 10, "test": 10}
    tokenizer = read_tokenizer(data.directory)
    tokens = [token for split in (data.train, data.val, data.test) for token in split.tolist()]
    texts = tokenizer.decode(tokens, skip_special_tokens=False).split("<|endoftext|>")[:-1]
    assert len(set(texts)) == 100
    assert sorted(texts) == sorted(documents(config, "train"))
    assert len(data.train) == 80 * len("abc -> Abc" + "|")
