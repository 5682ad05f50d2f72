"""The capitalization task: words of random letters, each with the same word capitalized; generated, so nothing is downloaded."""

from collections.abc import Iterator
from itertools import islice
from string import ascii_lowercase

import numpy as np

from trainable.data.source import Source
from trainable.spec.config import DataConfig

_BLOCK = 4096  # words drawn at once
_ARROW = " ->"


def words(length: int) -> Iterator[str]:
    """Every word of `length` letters once, in random order; ends after the last of the 26^length.

    The letters are raw 64-bit output of Philox(key=(length, 0)), which NumPy guarantees never to change, modulo 26.
    """
    random, seen = np.random.Philox(key=np.array([length, 0], dtype=np.uint64)), set[str]()
    letters = np.frombuffer(ascii_lowercase.encode(), dtype=np.uint8)
    while len(seen) < 26**length:
        block = letters[random.random_raw(_BLOCK * length) % 26].tobytes().decode()
        for start in range(0, len(block), length):
            word = block[start : start + length]
            if word not in seen:
                seen.add(word)
                yield word


def document(word: str) -> str:
    """``gbqzlwoe -> Gbqzlwoe``."""
    return f"{word}{_ARROW} {word.capitalize()}"


def question(text: str) -> tuple[str, str]:
    """The prompt of a document and its answer, which begins with the blank that a byte-level tokenizer puts to the word."""
    prompt, arrow, answer = text.partition(_ARROW)
    return prompt + arrow, answer


def documents(config: DataConfig, part: str) -> Iterator[str]:  # noqa: ARG001 (one signature for every source)
    return map(document, islice(words(config.word_length or 0), config.max_documents))


def mistakes(config: DataConfig) -> list[str]:
    length, count = config.word_length, config.max_documents
    if length is None or length < 1:
        return [f"data.word_length={length}: must be at least 1, the letters of a word (data=capitalization)"]
    if count is None:
        return ["data.max_documents is not given: data=capitalization generates its words, so say how many"]
    if count > 26**length:
        return [f"data.max_documents={count}: there are only {26**length} words of data.word_length={length} letters"]
    return []


SOURCE = Source(documents, mistakes, question=question)
