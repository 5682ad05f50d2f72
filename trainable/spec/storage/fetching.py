"""Brings a run directory back from a snapshot; every file has to be what was kept."""

import hashlib
import os
import shutil
from pathlib import Path

from trainable.spec.storage.patience import Patience
from trainable.spec.storage.snapshot import Content, SnapshotName, is_unchanging, read_snapshot, snapshots
from trainable.spec.storage.store import Store, pieces, whole


class DamagedSnapshot(OSError):
    """An object of a snapshot is not what was kept, or is gone; the message names it."""


def kept_snapshots(store: Store, patience: Patience) -> list[SnapshotName]:
    """Every snapshot of a run, the most valuable first."""
    return snapshots(patience.ask(store.sizes, "looking for snapshots"))


def fetch_newest(store: Store, folder: Path, patience: Patience, wanted_step: int | None = None) -> SnapshotName | None:
    """Fills `folder` from the most valuable snapshot that is whole, one of `wanted_step` before all others; None when there is none.

    A writer at work removes its older snapshots: when all that were seen have gone, it is looked again. Raises `StorageUnreachable`.
    """
    seen: list[SnapshotName] = []
    while (found := kept_snapshots(store, patience)) and found != seen:
        for name in sorted(found, key=lambda name: name.step != wanted_step):
            try:
                fetch(store, name, folder, patience)
            except (DamagedSnapshot, FileNotFoundError, ValueError):
                shutil.rmtree(folder, ignore_errors=True)
            else:
                return name
        seen = found
    return None


def fetch(store: Store, name: SnapshotName, folder: Path, patience: Patience) -> None:
    """Writes the files of a snapshot below `folder`, which is made anew. `best` and `final` are hard links again, as they were.

    Raises FileNotFoundError when the snapshot is gone, ValueError when it cannot be read, `DamagedSnapshot`, `StorageUnreachable`.
    """
    files = read_snapshot(patience.ask(lambda: whole(store, str(name)), str(name)).decode())
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    placed: dict[str, Path] = {}
    for path, content in sorted(files.items()):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if is_unchanging(path) and content.sha256 in placed:
            os.link(placed[content.sha256], target)
            continue
        _write(store, name.object(content.sha256), content, target, patience)
        if is_unchanging(path):
            placed[content.sha256] = target


def _write(store: Store, name: str, content: Content, target: Path, patience: Patience) -> None:
    def copy() -> str:
        taken = hashlib.sha256()
        with store.reading(name) as stream, open(target, "wb") as file:
            for part in pieces(stream):
                taken.update(part)
                file.write(part)
        return taken.hexdigest()

    if patience.ask(copy, name) != content.sha256:
        raise DamagedSnapshot(f"{name} is not what was kept")
