"""Questions that a prepared data set asks: the documents of its test split, parted into prompt and answer."""

from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from trainable.data.prepared import PreparedData
from trainable.data.registry import DATASETS
from trainable.data.tokenizer import read_tokenizer
from trainable.spec.config import DataConfig


@dataclass(frozen=True)
class Question:
    """prompt: tokens, the end of the document before it first, as in training; answer: text; answer_length: its tokens."""

    prompt: list[int]
    answer: str
    answer_length: int


@dataclass(frozen=True)
class Questions:
    asked: list[Question]
    tokenizer: Tokenizer
    eot_token: int

    @property
    def longest(self) -> int:
        """Tokens that a model has to take in at most: the longest prompt and the longest answer."""
        return max(len(question.prompt) for question in self.asked) + max(question.answer_length for question in self.asked)

    def text(self, tokens: list[int]) -> str:
        """The text of generated tokens up to the end of text, or all of it when none comes."""
        end = tokens.index(self.eot_token) if self.eot_token in tokens else len(tokens)
        return str(self.tokenizer.decode(tokens[:end], skip_special_tokens=False))


def questions(data: PreparedData, config: DataConfig, most: int) -> Questions | None:
    """The first `most` documents of the test split as questions; None when the data set asks nothing."""
    part = DATASETS[config.name].question
    if part is None:
        return None
    tokenizer = read_tokenizer(data.directory)
    ends = np.flatnonzero(data.test == data.eot_token)[:most]
    starts = [0, *(int(end) + 1 for end in ends[:-1])]
    asked = []
    for start, end in zip(starts, ends, strict=True):
        prompt, answer = part(tokenizer.decode(data.test[start:end].tolist(), skip_special_tokens=False))
        encoded = [tokenizer.encode(text, add_special_tokens=False).ids for text in (prompt, answer)]
        asked.append(Question([data.eot_token, *encoded[0]], answer, len(encoded[1])))
    return Questions(asked, tokenizer, data.eot_token)
