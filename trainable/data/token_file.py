"""Tokens on disk as in nanoGPT: one flat array, every document followed by the end-of-text token."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LARGEST_UINT16_VOCABULARY = 65_536


def dtype_for(vocab_size: int) -> str:
    """Little-endian on every machine: `<u2` as in nanoGPT while every token fits, else `<u4`."""
    return "<u2" if vocab_size <= _LARGEST_UINT16_VOCABULARY else "<u4"


class TokenFile:
    """Writes documents one after the other, and counts and hashes what it writes; a context manager."""

    def __init__(self, path: Path, dtype: str, eot_token: int) -> None:
        self._file = open(path, "wb")
        self._dtype = dtype
        self._eot_token = eot_token
        self._sha256 = hashlib.sha256()
        self._lengths: list[NDArray[np.int64]] = []
        self.documents = 0
        self.tokens = 0

    def append(self, documents: Sequence[list[int]]) -> None:
        flat: list[int] = []
        for ids in documents:
            flat += ids
            flat.append(self._eot_token)
        content = np.asarray(flat, dtype=self._dtype).tobytes()
        self._file.write(content)
        self._sha256.update(content)
        self._lengths.append(np.fromiter((len(ids) + 1 for ids in documents), dtype="<i8", count=len(documents)))
        self.documents += len(documents)
        self.tokens += len(flat)

    def document_lengths(self) -> NDArray[np.int64]:
        """Tokens of each document, its end of text included: they sum to the length of the file."""
        return np.concatenate([np.zeros(0, dtype="<i8"), *self._lengths])

    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def __enter__(self) -> "TokenFile":
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


def file_facts(path: Path, sha256: str | None = None) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": sha256 or sha256_of(path)}


def sha256_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def eot_indices(document_lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Position of each document's end-of-text token in the file."""
    return np.cumsum(document_lengths, dtype="<i8") - 1
