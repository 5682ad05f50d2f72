"""A file that others write by its path, such as a Parquet file, whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainable.spec.atomic_write import sync_directory


@contextmanager
def replaced(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """A path beside `path` that takes its place when the block ends well, and vanishes when it does not.

    `sync=False` leaves out the flush to the disk: still whole for readers, possibly damaged after a power cut.
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
