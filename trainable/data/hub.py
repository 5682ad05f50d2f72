"""Data sets of the Hugging Face hub, through its `datasets` library (extra dependency `hub`)."""

import logging
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from importlib.util import find_spec
from typing import Any

from trainable.data.source import Source
from trainable.spec.config import DataConfig
from trainable.spec.mistakes import WrongRequest, did_you_mean

_HUB_NAMES = {"train": "train", "val": "validation", "test": "test"}
_WITHOUT = "data=stdlib and data=text need neither package nor network"
Rows = Iterator[str]


def mistakes(config: DataConfig) -> list[str]:
    found = []
    if not config.hub_path:
        found.append(f"data.hub_path is not given: data={config.name} needs the name of a Hugging Face data set (OWNER/NAME)")
    if find_spec("datasets") is None:
        found.append(f"data={config.name} needs the package 'datasets' (pip install 'transformer-sweeps[hub]'); {_WITHOUT}")
    return found


def parts(config: DataConfig) -> list[str]:
    """The splits the data set has; one it lacks is held out of its training split."""
    available = _load(config.hub_path, config.hub_config, config.max_documents is not None)
    return [part for part, name in _HUB_NAMES.items() if name in available]


def documents(config: DataConfig, part: str, *, join: Callable[[Rows], Rows] = iter) -> Iterator[str]:
    """One document for each row, or for each run of rows that `join` puts together."""
    return join(_rows(config, part))


def _rows(config: DataConfig, part: str) -> Iterator[str]:
    # Only the first documents: stream them, instead of downloading hundreds of gigabytes.
    rows = _load(config.hub_path, config.hub_config, config.max_documents is not None)[_HUB_NAMES[part]]
    try:
        for row in rows:
            if config.text_column not in row:
                raise _no_such_column(config, row)
            yield row[config.text_column]
    except WrongRequest:
        raise
    except Exception as error:  # the library's errors have no common base class
        raise _unreachable(config.hub_path, error) from error


def _no_such_column(config: DataConfig, row: dict[str, Any]) -> WrongRequest:
    near = did_you_mean(config.text_column, row)
    return WrongRequest([f"data.text_column={config.text_column}: no such column in {config.hub_path}{near}"])


def articles(rows: Rows) -> Rows:
    """WikiText has a row for each line; an article starts at its heading `` = Title = ``."""
    article: list[str] = []
    for row in rows:
        heading = row.startswith(" = ") and not row.startswith(" = = ")
        if heading and article:
            yield "".join(article)
            article = []
        article.append(row)
    yield "".join(article)


@lru_cache(maxsize=1)
def _load(hub_path: str, hub_config: str | None, streaming: bool) -> Any:
    try:
        from datasets import load_dataset

        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # without network it warns at every retry
        return load_dataset(hub_path, hub_config, streaming=streaming)
    except Exception as error:  # no network, no such data set, no such configuration, full disk: all end here
        raise _unreachable(hub_path, error) from error


def _unreachable(hub_path: str | None, error: Exception) -> WrongRequest:
    reason = (str(error).strip().splitlines() or [""])[0][:200]
    return WrongRequest(
        [
            f"data.hub_path={hub_path}: could not be loaded from the Hugging Face hub ({type(error).__name__}: {reason});"
            f" check the name and the network; {_WITHOUT}"
        ]
    )


SOURCE = Source(documents, mistakes, parts)
WIKITEXT = Source(partial(documents, join=articles), mistakes, parts)
