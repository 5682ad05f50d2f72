"""One file to the destination and back: what was read there has to be what was sent."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from analysis.backup.manifest import Copy
from trainable.spec.storage.store import Store, pieces


class BadCopy(OSError):
    """What was read back is not what was written."""


def bring(store: Store, name: str, path: Path, present: Mapping[str, int], now: str) -> tuple[Copy, bool]:
    """The verified copy of `path`, and whether it had to be sent; one that lies there already, with this content, is only read back.

    Raises `BadCopy` when the place does not give back what it was given, OSError when it or the file fails.
    """
    about = path.stat()  # before reading: a file that changes meanwhile is seen to be another next time
    if present.get(name) == about.st_size:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest == digest_of(store, name):
            return Copy(about.st_size, digest, about.st_mtime_ns, now), False
    sent = Sent(path)
    store.write(name, sent.pieces())
    if sent.digest() != digest_of(store, name):
        raise BadCopy(f"{name}: the destination does not give back what it was given; the copy is not counted")
    return Copy(sent.size, sent.digest(), about.st_mtime_ns, now), True


class Sent:
    """A file on its way: its size and SHA-256 are those of the bytes that went out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hash = hashlib.sha256()
        self.size = 0

    def pieces(self) -> Iterator[bytes]:
        with open(self._path, "rb") as file:
            for piece in pieces(file):
                self._hash.update(piece)
                self.size += len(piece)
                yield piece

    def digest(self) -> str:
        return self._hash.hexdigest()


def digest_of(store: Store, name: str) -> str | None:
    """SHA-256 of a file at the destination, read in full; None when it is not there."""
    try:
        with store.reading(name) as stream:
            return read_digest(pieces(stream))
    except FileNotFoundError:
        return None


def read_digest(parts: Iterator[bytes]) -> str:
    taken = hashlib.sha256()
    for part in parts:
        taken.update(part)
    return taken.hexdigest()
