"""A tiny corpus with documents that are easy to tell apart."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainable.data.prepare import prepare
from trainable.data.prepared import PreparedData
from trainable.spec.config import DataConfig

DOCUMENTS = [f"Document {n} says: {'the cat sat on the mat; ' * (1 + n % 7)}naïve → {n * n}." for n in range(40)]
MakeConfig = Callable[..., DataConfig]


@pytest.fixture(scope="session")
def documents() -> list[str]:
    return DOCUMENTS


@pytest.fixture
def make_config(tmp_path: Path) -> MakeConfig:
    """A `data=text` configuration of the tiny corpus; keywords overrule."""

    def make(**changes: Any) -> DataConfig:
        corpus = tmp_path / "corpus.txt"
        if not corpus.exists():
            corpus.write_text("\n<|endoftext|>\n".join(DOCUMENTS), encoding="utf-8")
        values = {"name": "text", "path": str(corpus), "root": str(tmp_path / "data"), "vocab_size": 300, "val_fraction": 0.1}
        return DataConfig(**{**values, **changes})

    return make


@pytest.fixture
def prepared(make_config: MakeConfig) -> PreparedData:
    return prepare(make_config())
