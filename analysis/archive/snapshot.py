"""What an archive holds, read once: fingerprints of its files, the text of those that list others, and what should not be there."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from analysis.archive.bag import BAG_INFO, BAGIT
from analysis.archive.entries import Entry, damage_named, entries, is_tar
from analysis.archive.fingerprint import Fingerprint, Gauge, chunks
from analysis.archive.safe_names import unsafe

_LISTS = re.compile(rf"(.*/)?((tag)?manifest-\w+\.txt|SHA\d+SUMS|{re.escape(BAGIT)}|{re.escape(BAG_INFO)})")


@dataclass
class Snapshot:
    """Names are relative to the archive; `texts` are the manifests and bag-info files, `strange` has a sentence for each entry that is no
    plain file of the archive."""

    prints: dict[str, Fingerprint] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)

    def bags(self) -> dict[str, "Snapshot"]:
        """The folders directly below that hold a bag, each with names relative to it."""
        folders: dict[str, Snapshot] = {}
        for name, each in self.prints.items():
            folder, _, inner = name.partition("/")
            part = folders.setdefault(folder, Snapshot())
            part.prints[inner] = each
            if name in self.texts:
                part.texts[inner] = self.texts[name]
        return {folder: part for folder, part in sorted(folders.items()) if BAGIT in part.prints}


def take_snapshot(path: Path) -> Snapshot:
    """Reads everything in a folder or tar once. Raises ValueError when a tar cannot be read to its end, OSError for a file that cannot."""
    shot = Snapshot()
    with damage_named(path):
        for entry in entries(path):
            _take(shot, entry, inner_name(entry.name) if is_tar(path) else entry.name)
    return shot


def _take(shot: Snapshot, entry: Entry, name: str) -> None:
    if why := unsafe(entry.name):
        shot.strange.append(f"{entry.name}: {why}")
    elif entry.stream is None:
        shot.strange.append(f"{name}: a {entry.kind}, which no archive of ours holds")
    elif name in shot.prints:
        shot.strange.append(f"{name}: there twice")
    else:
        _read(shot, name, entry.stream)


def inner_name(member: str) -> str:
    """The name of a tar's member inside the folder that was packed."""
    return member.partition("/")[2] or member


def _read(shot: Snapshot, name: str, stream: IO[bytes]) -> None:
    gauge, kept = Gauge(), list[bytes]()
    for chunk in chunks(stream):
        gauge.take(chunk)
        if _LISTS.fullmatch(name):
            kept.append(chunk)
    shot.prints[name] = gauge.fingerprint()
    if _LISTS.fullmatch(name):
        shot.texts[name] = b"".join(kept)
