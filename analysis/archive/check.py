"""Verifies an archive on disk, a folder or a tar, against what it says of itself."""

from dataclasses import dataclass
from pathlib import Path

from analysis.archive.entries import is_tar
from analysis.archive.fingerprint import fingerprint
from analysis.archive.snapshot import Snapshot, take_snapshot
from analysis.archive.tar import sidecar
from analysis.archive.verify import NoArchive, faults_of
from trainable.spec.mistakes import WrongRequest


@dataclass(frozen=True)
class Finding:
    """`faults` is empty for a sound archive; `notes` say what could not be checked."""

    shot: Snapshot
    faults: list[str]
    notes: list[str]

    def as_text(self, path: Path) -> str:
        size = sum(each.size for each in self.shot.prints.values())
        read = f"{path}: {len(self.shot.prints):,} files, {len(self.shot.bags()) or 1} bags, {size:,} bytes read"
        verdict = f"{len(self.faults)} faults" if self.faults else "every file is as it was archived"
        faults = [f"{path}: {fault}" for fault in self.faults]
        return "\n".join([*faults, *(f"note: {note}" for note in self.notes), f"{read}; {verdict}"])


def check(path: Path) -> Finding:
    """Raises `WrongRequest` when it is no archive, ValueError when a tar cannot be read to its end, OSError when a file cannot be read."""
    faults, notes = _compare_with_sidecar(path) if is_tar(path) else ([], [])
    try:
        shot = take_snapshot(path)
    except ValueError as error:
        return Finding(Snapshot(), [*faults, str(error)], notes)
    try:
        return Finding(shot, [*faults, *faults_of(shot)], notes)
    except NoArchive as none:
        raise WrongRequest([f"'{path}' is no archive: {none}"]) from none


def _compare_with_sidecar(tar: Path) -> tuple[list[str], list[str]]:
    if not sidecar(tar).is_file():
        return [], [f"{sidecar(tar).name} is not there: the files in the tar are checked, its own bytes are not"]
    told = sidecar(tar).read_text(errors="replace").split()
    if told != [fingerprint(tar).sha256, tar.name]:
        return [f"{tar.name} and {sidecar(tar).name} do not agree: one of them is altered"], []
    return [], []
