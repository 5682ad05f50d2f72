"""Places that Arrow's file systems reach: local folders, ``s3://`` and ``gs://``."""

import contextlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlsplit
from uuid import uuid4

from pyarrow import fs


class ArrowStore:
    """`base` is the place within `system`."""

    def __init__(self, system: Any, base: str) -> None:
        self._system = system
        self._base = base.rstrip("/")
        self._local = isinstance(system, fs.LocalFileSystem)

    def sizes(self) -> dict[str, int]:
        found = self._system.get_file_info(fs.FileSelector(self._base, allow_not_found=True, recursive=True))
        return {info.path.removeprefix(f"{self._base}/"): info.size for info in found if info.type == fs.FileType.File}

    @contextmanager
    def reading(self, name: str) -> Iterator[IO[bytes]]:
        with self._system.open_input_stream(self._path(name), compression=None) as stream:
            yield cast(Any, stream)

    def write(self, name: str, parts: Iterable[bytes]) -> None:
        """An object becomes visible when it is whole; a local file is written beside and renamed."""
        path = self._path(name)
        beside = f"{path}.part" if self._local else path
        if self._local:
            self._system.create_dir(path.rpartition("/")[0], recursive=True)
        try:
            with self._system.open_output_stream(beside, compression=None) as stream:
                for part in parts:
                    stream.write(part)
            if self._local:
                self._system.move(beside, path)
        except BaseException:
            # Closing a stream half-way leaves a whole-looking object: better none than that.
            with contextlib.suppress(OSError):
                self._system.delete_file(beside)
            raise

    def delete(self, name: str) -> None:
        self._system.delete_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._base}/{name}"


def open_arrow(uri: str, folder: str = "") -> ArrowStore:
    """`folder` lies below `uri`. Credentials come from the environment.

    Raises ValueError for a URI that is none, OSError when the place cannot be reached.
    """
    if urlsplit(uri).scheme:
        system, base = fs.FileSystem.from_uri(uri)
    else:
        system, base = fs.LocalFileSystem(), str(Path(uri).absolute())
    return ArrowStore(system, f"{base.rstrip('/')}/{folder}" if folder else base)


def writable_mistakes(uri: str, option: str) -> list[str]:
    """A place that cannot be written, found out by writing; nothing of it stays."""
    probe = f".probe-{uuid4().hex[:8]}"
    try:
        store = open_arrow(uri)
        store.write(probe, [b"writable"])
        store.delete(probe)
    except (OSError, ValueError) as error:
        return [f"{option}={uri} cannot be written: {str(error).splitlines()[0]}"]
    return []
