"""What a place for files is: five verbs; each kind of place is a file that has them."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import IO, Protocol


class Store(Protocol):
    """Names are relative to the place, with ``/``. Every verb raises OSError, with the name, when the place fails."""

    def sizes(self) -> dict[str, int]:
        """Every file at the place and its size in bytes; empty where there is nothing yet."""
        ...

    def reading(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Raises FileNotFoundError when it is not there."""
        ...

    def write(self, name: str, parts: Iterable[bytes]) -> None:
        """A reader sees the old file or the new one wherever the place can do that."""
        ...

    def delete(self, name: str) -> None: ...


def whole(store: Store, name: str) -> bytes:
    with store.reading(name) as stream:
        return stream.read()


def pieces(stream: IO[bytes], size: int = 1 << 20) -> Iterator[bytes]:
    while piece := stream.read(size):
        yield piece
