"""Files are written whole or not at all: beside, synced, then renamed over the old one."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replaced(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """A path beside `path`, for others to write, that takes its place when the block ends well and vanishes when it does not.

    A reader sees the old file or the new one, never a part. `sync=False` leaves out the flush to the disk: still whole for readers,
    possibly old or damaged after a power cut.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield beside
        if sync:
            with open(beside, "rb+") as file:
                os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if sync:
        sync_directory(path.parent)


def write_bytes(path: Path, content: bytes, *, sync: bool = True) -> None:
    """Replaces `path` by `content`."""
    with replaced(path, sync=sync) as beside:
        beside.write_bytes(content)


def write_text(path: Path, text: str, *, sync: bool = True) -> None:
    write_bytes(path, text.encode(), sync=sync)


def write_json(path: Path, value: Any, *, sync: bool = True) -> None:
    """Strict JSON: NaN and infinity are refused, a missing value is null."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n", sync=sync)


def sync_directory(path: Path) -> None:
    """Makes a rename inside `path` survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
