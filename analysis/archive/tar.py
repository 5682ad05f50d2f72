"""A deterministic tar of a folder: the same files give the same bytes, whoever packs them, when and in what order."""

import gzip
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from analysis.archive.contents import contents
from analysis.archive.fingerprint import fingerprint
from trainable.spec.atomic_write import write_text

KINDS = ("gz", "zst")
_LEVEL = 6


def write_tar(folder: Path, target: Path) -> None:
    """Packs every plain file below `folder` as ``<folder name>/...``, compressed by its ending (.gz or .zst); whole or not at all.

    Beside it lies ``<target>.sha256``, as ``sha256sum`` writes it: a tar has bytes that belong to no file.
    """
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with _compressed(beside, target.suffix) as stream:
            pack(stream, folder, contents(folder).files, folder.name)
        with open(beside, "rb+") as file:
            os.fsync(file.fileno())
        write_text(sidecar(target), f"{fingerprint(beside).sha256}  {target.name}\n")
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def sidecar(tar: Path) -> Path:
    return tar.with_name(f"{tar.name}.sha256")


def pack(stream: IO[bytes], folder: Path, names: list[str], prefix: str) -> None:
    """Writes an uncompressed tar of `names` in `folder`: sorted, without owners, dates and links."""
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(names):
            about = (folder / name).stat()
            member = tarfile.TarInfo(f"{prefix}/{name}" if prefix else name)
            member.size, member.mode = about.st_size, 0o755 if about.st_mode & 0o100 else 0o644
            with open(folder / name, "rb") as content:
                tar.addfile(member, content)


@contextmanager
def _compressed(path: Path, ending: str) -> Iterator[IO[bytes]]:
    if ending == ".zst":
        with pa.output_stream(str(path), compression="zstd") as stream:
            yield cast(Any, stream)
    else:
        with open(path, "wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=_LEVEL, mtime=0) as packed:
            yield cast(Any, packed)
