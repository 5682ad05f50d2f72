"""The entries of an archive one after the other, whether it is a folder or a tar; links and devices are told, never followed."""

import gzip
import os
import stat
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.zst")
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257
_GZIP_MAGIC, _ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True)
class Entry:
    """`name` is as the archive has it; `stream` is None for whatever is no plain file, and good until the next entry is asked for."""

    name: str
    stream: IO[bytes] | None
    kind: str = "file"


def is_tar(path: Path) -> bool:
    return path.name.endswith(TAR_ENDINGS) and path.is_file()


def starts_like_a_tar(path: Path) -> bool:
    """Whether the file begins as its ending says: a torn archive does, another file does not. Raises OSError when it cannot be read."""
    with open(path, "rb") as file:
        head = file.read(_TAR_MAGIC_AT + len(_TAR_MAGIC))
    if path.name.endswith(".tar"):
        return head[_TAR_MAGIC_AT:] == _TAR_MAGIC
    return head.startswith(_ZSTD_MAGIC if path.name.endswith(".zst") else _GZIP_MAGIC)


def entries(path: Path) -> Iterator[Entry]:
    """Every entry but directories; to be read within `damage_named`. Raises OSError for a file that cannot be read."""
    return _of_tar(path) if is_tar(path) else _of_folder(path)


def _of_folder(folder: Path) -> Iterator[Entry]:
    for root, directories, files in os.walk(folder):
        linked = [name for name in directories if Path(root, name).is_symlink()]
        directories[:] = sorted(set(directories) - set(linked))
        for name in sorted([*files, *linked]):
            path = Path(root, name)
            shown = path.relative_to(folder).as_posix()
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):
                with open(path, "rb") as stream:
                    yield Entry(shown, stream)
            else:
                yield Entry(shown, None, "link" if stat.S_ISLNK(mode) else "device")


def _of_tar(path: Path) -> Iterator[Entry]:
    with opened(path) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            if member.isreg():
                yield Entry(member.name, tar.extractfile(member))
            elif not member.isdir():
                yield Entry(member.name, None, "link" if member.issym() or member.islnk() else "device")
        while stream.read(1 << 20):
            pass  # what follows the last member belongs to the compressed stream, whose checksum stands at its end


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Around every reading of `entries`: a tar that cannot be read on becomes a ValueError that names it."""
    try:
        yield
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk, and not what was read from it
        raise ValueError(f"{path} is damaged: {error}") from error


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The uncompressed bytes of a tar."""
    if path.name.endswith(".zst"):
        with pa.input_stream(str(path), compression="zstd") as stream:
            yield cast(Any, stream)
    elif path.name.endswith(".tar"):
        with open(path, "rb") as plain:
            yield plain
    else:
        with gzip.open(path) as unpacked:
            yield cast(Any, unpacked)
