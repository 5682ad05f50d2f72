"""Brings files back from a backup: each is checked against the backup's manifest, and none takes the place of another."""

from dataclasses import dataclass
from pathlib import Path

from analysis.archive.placing import place, to_write
from analysis.backup.backup import read_manifest
from analysis.backup.manifest import MANIFEST
from trainable.spec.storage.store import Store, pieces


@dataclass(frozen=True)
class Returned:
    """`there` were at the target already, with the same content."""

    files: int
    there: int


def restore_backup(store: Store, part: str | None, target: Path) -> Returned:
    """Writes ``target/<name>`` for each file of the backup, or of the folder (or file) `part` in it.

    Raises ValueError where there is no backup or no such part, when a file is in the way, or when a copy is not what it was.
    """
    copies = read_manifest(store)
    if not copies:
        raise ValueError(f"there is no backup: {MANIFEST} is missing or empty")
    prefix = (part or "").strip("/")
    wanted = {name: copy for name, copy in copies.items() if not prefix or name == prefix or name.startswith(f"{prefix}/")}
    if not wanted:
        raise ValueError(f"the backup holds nothing below '{prefix}'; it has {', '.join(sorted({name.split('/')[0] for name in copies}))}")
    lacking = to_write(target, {name: copy.sha256 for name, copy in wanted.items()})
    for name in sorted(lacking):
        with store.reading(name) as stream:
            place(target / name, pieces(stream), wanted[name].sha256)
    return Returned(len(lacking), len(wanted) - len(lacking))
