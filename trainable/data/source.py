"""What a data set must offer to be prepared."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from trainable.spec.config import DataConfig

SPLITS = ("train", "val", "test")
END_OF_TEXT = "<|endoftext|>"  # ends every document


def only_train(config: DataConfig) -> list[str]:  # noqa: ARG001 (one signature for every source)
    return ["train"]


def no_facts(config: DataConfig) -> dict[str, Any]:  # noqa: ARG001
    return {}


@dataclass(frozen=True)
class Source:
    """A data set as text.

    documents: (config, part) -> the documents of one part, in the same order every time; may be called several times.
    mistakes: what is wrong with the request, one sentence each; empty when the documents can be read.
    parts: which of "train", "val", "test" the data set comes with; what is missing is held out of "train" by document.
    edition: facts that make this another data set although the configuration is the same; part of the folder's name.
    fingerprint: cheap facts that change when the text changes; compared when an already prepared set is asked for again.
    question: a document's text -> (prompt, answer), together the document; None for text that asks nothing.
    """

    documents: Callable[[DataConfig, str], Iterator[str]]
    mistakes: Callable[[DataConfig], list[str]]
    parts: Callable[[DataConfig], list[str]] = only_train
    edition: Callable[[DataConfig], dict[str, Any]] = no_facts
    fingerprint: Callable[[DataConfig], dict[str, Any]] = no_facts
    question: Callable[[str], tuple[str, str]] | None = None
