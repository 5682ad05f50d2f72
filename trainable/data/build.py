"""Writes the files of a prepared data set: two passes over the documents, memory flat in their number of characters."""

import io
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from trainable.data.corpus import Corpus, CorpusHash, read_corpus
from trainable.data.prepared import FORMAT, MANIFEST, prepared_settings
from trainable.data.registry import DATASETS
from trainable.data.source import SPLITS
from trainable.data.token_file import TokenFile, dtype_for, eot_indices, file_facts
from trainable.data.tokenizer import TRAINED, end_of_text_id, read_tokenizer, train_tokenizer, vocabulary_size
from trainable.spec.atomic_write import write_bytes, write_json, write_text
from trainable.spec.config import DataConfig
from trainable.spec.mistakes import WrongRequest

Report = Callable[[str], None]
_CHUNK_CHARACTERS = 2_000_000  # encoded at once: enough to keep every core busy, tens of megabytes of tokens
_REPORT_SECONDS = 2.0


def build(config: DataConfig, directory: Path, report: Report) -> None:
    """Writes train.bin, val.bin, test.bin, eot_indices.npy, doc_lengths.npy, tokenizer.json and manifest.json."""
    fingerprint = DATASETS[config.name].fingerprint(config)
    report(f"reading the documents of {config.name}")
    corpus = read_corpus(config)
    tokenizer = _tokenizer(config, corpus, report)
    write_text(directory / "tokenizer.json", tokenizer.to_str(pretty=True))
    facts = _write_tokens(corpus, tokenizer, directory, report)
    names = [*(f"{split}.bin" for split in SPLITS), "eot_indices.npy", "doc_lengths.npy", "tokenizer.json"]
    files = {name: file_facts(directory / name, facts["sha256"].get(name)) for name in names}
    write_json(directory / MANIFEST, _manifest(config, tokenizer, facts) | {"fingerprint": fingerprint, "files": files})


def _tokenizer(config: DataConfig, corpus: Corpus, report: Report) -> Tokenizer:
    if config.tokenizer != TRAINED:
        return read_tokenizer(Path(config.tokenizer).expanduser())
    report(f"training a tokenizer of {config.vocab_size} tokens on the training split")
    tokenizer = train_tokenizer(corpus.training_documents(), config.vocab_size)
    if (size := vocabulary_size(tokenizer)) < config.vocab_size:
        report(f"the text yields only {size} tokens of the {config.vocab_size} asked for")
    return tokenizer


def _write_tokens(corpus: Corpus, tokenizer: Tokenizer, directory: Path, report: Report) -> dict[str, Any]:
    corpus_hash, next_report = CorpusHash(), time.monotonic() + _REPORT_SECONDS
    utf8_bytes: Counter[str] = Counter()
    dtype, eot_token = dtype_for(vocabulary_size(tokenizer)), end_of_text_id(tokenizer)
    with ExitStack() as stack:
        files = {split: stack.enter_context(TokenFile(directory / f"{split}.bin", dtype, eot_token)) for split in SPLITS}
        for chunk in chunks(corpus.documents(), _CHUNK_CHARACTERS):
            for split, text in chunk:
                utf8_bytes[split] += corpus_hash.add(text)
            _append(files, chunk, tokenizer)
            if time.monotonic() > next_report:
                report(f"{_tokens(files):,} tokens so far")
                next_report = time.monotonic() + _REPORT_SECONDS
    report(f"{_tokens(files):,} tokens written")
    _require_documents(corpus.config, files)
    lengths = files["train"].document_lengths()
    _write_array(directory / "doc_lengths.npy", lengths)
    _write_array(directory / "eot_indices.npy", eot_indices(lengths))
    return {
        "corpus_sha256": corpus_hash.hexdigest(),
        "sha256": {f"{split}.bin": file.sha256() for split, file in files.items()},
        "splits": {
            split: {"documents": file.documents, "tokens": file.tokens, "utf8_bytes": utf8_bytes[split]} for split, file in files.items()
        },
    }


def _append(files: dict[str, TokenFile], chunk: list[tuple[str, str]], tokenizer: Tokenizer) -> None:
    encodings = tokenizer.encode_batch_fast([text for _, text in chunk], add_special_tokens=False)
    for split, file in files.items():
        file.append([encoding.ids for (own, _), encoding in zip(chunk, encodings, strict=True) if own == split])


def _tokens(files: dict[str, TokenFile]) -> int:
    return sum(file.tokens for file in files.values())


def chunks(documents: Iterator[tuple[str, str]], characters: int) -> Iterator[list[tuple[str, str]]]:
    """Runs of documents that reach `characters` characters; the last may be shorter."""
    chunk: list[tuple[str, str]] = []
    held = 0
    for split, text in documents:
        chunk.append((split, text))
        held += len(text)
        if held >= characters:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk


def _require_documents(config: DataConfig, files: dict[str, TokenFile]) -> None:
    empty = [split for split, file in files.items() if file.documents == 0]
    if empty:
        raise WrongRequest([f"data={config.name}: the split '{split}' has no documents" for split in empty])


def _write_array(path: Path, array: NDArray[Any]) -> None:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    write_bytes(path, content.getvalue())


def _manifest(config: DataConfig, tokenizer: Tokenizer, facts: dict[str, Any]) -> dict[str, Any]:
    vocab_size = vocabulary_size(tokenizer)
    return {
        "format": FORMAT,
        "data_set": config.name,
        "settings": prepared_settings(config),
        "dtype": dtype_for(vocab_size),
        "vocab_size": vocab_size,
        "eot_token": end_of_text_id(tokenizer),
        "splits": facts["splits"],
        "corpus_sha256": facts["corpus_sha256"],
        "libraries": {"python": platform.python_version(), "numpy": np.__version__, "tokenizers": version("tokenizers")},
    }
