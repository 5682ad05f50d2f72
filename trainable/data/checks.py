"""Everything that can be wrong with a data request, found before anything starts."""

import os
from pathlib import Path

from trainable.data import tokenizer
from trainable.data.batches import too_short
from trainable.data.prepared import PreparedData, damage, prepared_directory
from trainable.data.registry import DATASETS
from trainable.data.source import SPLITS
from trainable.spec.config import DataConfig
from trainable.spec.mistakes import unknown


def mistakes(config: DataConfig) -> list[str]:
    """All mistakes of the request; a data set that is already prepared needs neither its source nor its tokenizer."""
    if config.name not in DATASETS:
        return [unknown("data set", config.name, DATASETS)]
    found = _value_mistakes(config)
    directory = prepared_directory(config)
    if directory.exists():
        return found + damage(directory)
    return found + DATASETS[config.name].mistakes(config) + tokenizer.mistakes(config) + _root_mistakes(config)


def model_mistakes(data: PreparedData, *, vocab_size: int, context_length: int) -> list[str]:
    """Whether a model with this vocabulary and context can be trained and evaluated on the data."""
    found = []
    if vocab_size < data.vocab_size:
        found.append(f"model.vocab_size={vocab_size}: must be at least the tokenizer's {data.vocab_size} ({data.directory})")
    for split in SPLITS:
        sentence = too_short(getattr(data, split), context_length)
        found += [f"{data.directory / f'{split}.bin'}: {sentence}"] if sentence else []
    return found


def _value_mistakes(config: DataConfig) -> list[str]:
    """What trainable.spec.checks cannot know; ranges that need no data set are its part."""
    found = []
    if not 0 <= config.split_seed < 2**63:
        found.append(f"data.split_seed={config.split_seed}: must be at least 0 and less than 2^63")
    if config.path is not None and config.name != "text":
        found.append(f"data.path={config.path}: only data=text reads a path, and data is {config.name}")
    if config.ood_path is not None:
        found += [f"data.ood_path={config.ood_path}: {sentence}" for sentence in damage(Path(config.ood_path))]
    if config.word_length is not None and config.name != "capitalization":
        found.append(f"data.word_length={config.word_length}: only data=capitalization is made of words, and data is {config.name}")
    return found


def _root_mistakes(config: DataConfig) -> list[str]:
    folder = Path(config.root).expanduser().absolute()
    while not folder.exists():
        folder = folder.parent
    if folder.is_dir() and os.access(folder, os.W_OK):
        return []
    return [f"data.root={config.root}: {folder} is not a folder that can be written to"]
