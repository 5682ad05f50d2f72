"""Size and checksums of a file: SHA-256 and SHA-512, read once."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ALGORITHMS = ("sha256", "sha512")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Fingerprint:
    """`size` in bytes, checksums in lower-case hexadecimal."""

    size: int
    sha256: str
    sha512: str

    def digest(self, algorithm: str) -> str:
        return {"sha256": self.sha256, "sha512": self.sha512}[algorithm]


class Gauge:
    """Takes the bytes of one file in order, and gives its fingerprint at the end."""

    def __init__(self) -> None:
        self._size = 0
        self._hashes = [hashlib.new(algorithm) for algorithm in ALGORITHMS]

    def take(self, chunk: bytes) -> None:
        self._size += len(chunk)
        for each in self._hashes:
            each.update(chunk)

    def fingerprint(self) -> Fingerprint:
        return Fingerprint(self._size, *(each.hexdigest() for each in self._hashes))


def chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def fingerprint_of(parts: Iterable[bytes]) -> Fingerprint:
    gauge = Gauge()
    for part in parts:
        gauge.take(part)
    return gauge.fingerprint()


def fingerprint(path: Path) -> Fingerprint:
    with open(path, "rb") as file:
        return fingerprint_of(chunks(file))
