"""Byte-level BPE: trained on the training split, or read from a folder."""

from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from trainable.data.source import END_OF_TEXT
from trainable.spec.config import DataConfig
from trainable.spec.mistakes import WrongRequest

TRAINED = "bpe"
# How given vocabularies spell the end of a document: GPT-2 and ours, Llama 3, Gemma, Llama 2.
_END_OF_TEXT_NAMES = (END_OF_TEXT, "<|end_of_text|>", "<eos>", "</s>")
_FILES = [("tokenizer.json",), ("vocab.json", "merges.txt")]


def train_tokenizer(documents: Iterator[str], vocab_size: int) -> Tokenizer:
    """Byte-level BPE with GPT-2's pre-tokenization (Radford et al. 2019, section 2.2), `<|endoftext|>` as token 0.

    The same documents give the same tokenizer. A small text may yield fewer than `vocab_size` tokens.
    """
    tokenizer = _byte_level(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents, trainer)
    return as_written(tokenizer)


def read_tokenizer(folder: Path) -> Tokenizer:
    """From `tokenizer.json` (such as a prepared data set's), or GPT-2's `vocab.json` and `merges.txt`."""
    if (folder / "tokenizer.json").is_file():
        return as_written(Tokenizer.from_file(str(folder / "tokenizer.json")))
    tokenizer = _byte_level(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
    if tokenizer.token_to_id(END_OF_TEXT) is not None:
        tokenizer.add_special_tokens([END_OF_TEXT])
    return as_written(tokenizer)


def as_written(tokenizer: Tokenizer) -> Tokenizer:
    """A document that spells out `<|endoftext|>` holds thirteen characters, not the end of a document."""
    tokenizer.encode_special_tokens = True
    return tokenizer


def vocabulary_size(tokenizer: Tokenizer) -> int:
    """Rows an embedding needs: the largest id and one."""
    return max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1


def end_of_text_id(tokenizer: Tokenizer) -> int:
    found = [token_id for name in _END_OF_TEXT_NAMES if (token_id := tokenizer.token_to_id(name)) is not None]
    if not found:
        raise WrongRequest([f"data.tokenizer: the vocabulary has no {END_OF_TEXT}, which ends every document"])
    return int(found[0])


def mistakes(config: DataConfig) -> list[str]:
    """Whether a given folder holds a vocabulary of the configured size; a trained one has the size asked for."""
    if config.tokenizer == TRAINED:
        return []
    folder = Path(config.tokenizer).expanduser()
    if not any(all((folder / name).is_file() for name in names) for names in _FILES):
        return [f"data.tokenizer={config.tokenizer}: must be 'bpe', or a folder with vocab.json and merges.txt (or tokenizer.json)"]
    return _vocabulary_mistakes(config, folder)


def _vocabulary_mistakes(config: DataConfig, folder: Path) -> list[str]:
    try:
        tokenizer = read_tokenizer(folder)
        end_of_text_id(tokenizer)
    except WrongRequest as request:
        return request.mistakes
    except Exception as error:  # the library raises plain Exception for a file that it cannot read
        return [f"data.tokenizer={config.tokenizer}: not a byte-level BPE vocabulary ({error})"]
    size = vocabulary_size(tokenizer)
    if size == config.vocab_size:
        return []
    return [f"data.vocab_size={config.vocab_size}: the vocabulary in {config.tokenizer} has {size} tokens; set data.vocab_size={size}"]


def _byte_level(model: models.BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer
