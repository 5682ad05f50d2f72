"""The documents of a data set with the split each belongs to, and their hash."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from trainable.data.registry import DATASETS
from trainable.data.source import SPLITS
from trainable.data.split import Labels, split_documents
from trainable.spec.config import DataConfig


@dataclass(frozen=True)
class Corpus:
    """labels: index into SPLITS for each document of the part "train"; parts: what the data set comes with."""

    config: DataConfig
    parts: list[str]
    labels: Labels

    def documents(self) -> Iterator[tuple[str, str]]:
        """(split, text) of every document, in the order of the data set; may be called several times."""
        for part in self.parts:
            texts = part_documents(self.config, part)
            if part == "train":
                yield from ((SPLITS[label], text) for label, text in zip(self.labels, texts, strict=True))
            else:
                yield from ((part, text) for text in texts)

    def training_documents(self) -> Iterator[str]:
        texts = part_documents(self.config, "train")
        return (text for label, text in zip(self.labels, texts, strict=True) if SPLITS[label] == "train")


def read_corpus(config: DataConfig) -> Corpus:
    """Counts the documents and splits them: the splits the data set comes with stay, missing ones are held out of "train"."""
    parts = DATASETS[config.name].parts(config)
    shares = {"val": config.val_fraction, "test": config.test_fraction}
    held_out = [(split, share) for split, share in shares.items() if split not in parts]
    count = sum(1 for _ in part_documents(config, "train"))
    return Corpus(config, parts, split_documents(count, held_out=held_out, seed=config.split_seed))


def part_documents(config: DataConfig, part: str) -> Iterator[str]:
    """The first `max_documents` documents of a part that hold more than white space."""
    texts = (text for text in DATASETS[config.name].documents(config, part) if not text.isspace() and text)
    return islice(texts, config.max_documents)


class CorpusHash:
    """SHA-256 over the documents, each with its length before it, so that moving a boundary changes the hash."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def add(self, text: str) -> int:
        """Returns the document's UTF-8 bytes."""
        content = text.encode()
        self._sha256.update(len(content).to_bytes(8, "little") + content)
        return len(content)

    def hexdigest(self) -> str:
        return self._sha256.hexdigest()


def corpus_sha256(config: DataConfig) -> str:
    """The hash that preparing the data set now would record."""
    corpus_hash = CorpusHash()
    for part in DATASETS[config.name].parts(config):
        for text in part_documents(config, part):
            corpus_hash.add(text)
    return corpus_hash.hexdigest()
