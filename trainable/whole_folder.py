"""A folder that is written whole or not at all: beside, synced, then renamed; an older one of that name is replaced."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainable.spec.atomic_write import sync_directory


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Gives an empty folder to write into, which becomes `target` when the block ends; one writer at a time."""
    beside, old = target.with_name(f".{target.name}.tmp"), target.with_name(f".{target.name}.old")
    for left in (beside, old):
        shutil.rmtree(left, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        yield beside
        _sync(beside)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    if target.exists():
        os.replace(target, old)
    os.replace(beside, target)
    sync_directory(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
    sync_directory(folder)
