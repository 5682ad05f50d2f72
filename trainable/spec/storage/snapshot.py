"""Snapshots: a run directory as it was at a checkpoint, kept at a storage that several machines reach. Pure.

Below the run's folder each writer, which is one attempt on one machine, has a folder of its own, and nobody else writes there::

    <attempt>-<writer>/objects/<SHA-256>                              a file's content
    <attempt>-<writer>/snapshots/<number>-<step>-{kept,last}.json     which file of the run directory has which content

The snapshot is written after its objects, so that an upload that was torn is not there. A writer that was cut off and lives on
writes under its own attempt, which is passed over as soon as a later attempt has a snapshot.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

SNAPSHOT_FORMAT = 1
_NAME = re.compile(r"(\d{4,})-(\w+)/snapshots/(\d{6,})-(\d+)-(kept|last)\.json")
_NUMBERED = "checkpoint-"


@dataclass(frozen=True, order=True)
class SnapshotName:
    """Ordered by what they are worth: a later attempt's before an earlier one's, then the later step; `last` is a writer's last."""

    attempt: int
    step: int
    number: int
    last: bool
    writer: str

    def __str__(self) -> str:
        return f"{self.folder}/snapshots/{self.number:06d}-{self.step}-{'last' if self.last else 'kept'}.json"

    @property
    def folder(self) -> str:
        return f"{self.attempt:04d}-{self.writer}"

    def object(self, digest: str) -> str:
        return f"{self.folder}/objects/{digest}"

    @classmethod
    def parse(cls, text: str) -> "SnapshotName | None":
        """None for the name of something else."""
        found = _NAME.fullmatch(text)
        return found and cls(int(found[1]), int(found[4]), int(found[3]), found[5] == "last", found[2])


@dataclass(frozen=True)
class Content:
    size: int
    sha256: str


def snapshots(names: Iterable[str]) -> list[SnapshotName]:
    """Those among the files of a run's folder, the most valuable first."""
    return sorted((found for found in map(SnapshotName.parse, names) if found), reverse=True)


def as_json(files: Mapping[str, Content]) -> str:
    return json.dumps({"format": SNAPSHOT_FORMAT, "files": {name: asdict(files[name]) for name in sorted(files)}}, indent=1)


def read_snapshot(text: str) -> dict[str, Content]:
    """The files by their path in the run directory. Raises ValueError when it is not ours or names a file outside of the directory."""
    try:
        told: Any = json.loads(text)
        if told["format"] != SNAPSHOT_FORMAT:
            raise ValueError(f"it is of format {told['format']}, not {SNAPSHOT_FORMAT}")
        files = {str(name): Content(**entry) for name, entry in told["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a snapshot cannot be read: {error}") from error
    if wrong := [name for name in files if not is_inside(name)]:
        raise ValueError(f"a snapshot names files outside of the run directory: {', '.join(wrong)}")
    return files


def is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and bool(path.parts) and ".." not in path.parts and "\\" not in name


def to_keep(names: Collection[str]) -> list[str]:
    """The files of a run directory that a snapshot holds: all but locks, what is being written, and checkpoints before the newest."""
    steps = [step for name in names if (step := _step(name)) is not None]
    newest = max(steps, default=None)
    return sorted(name for name in names if not _is_passing(name) and _step(name) in (None, newest))


def is_unchanging(name: str) -> bool:
    """Whether a file, once it has its name, is never written again: those of checkpoints."""
    return name.startswith("checkpoints/")


def surplus(names: Iterable[str], writer: SnapshotName, keep: int, needed: Mapping[str, Collection[str]]) -> list[str]:
    """What `writer`, who has just written a snapshot, may remove of all files `names`, in the order of removal: snapshots, then objects.

    Its own snapshots but for the newest `keep`, the objects that none of those needs (`needed`, by the snapshot's name), and
    whatever attempts before its own have left.
    """
    listed = list(names)
    own = sorted((found for found in snapshots(listed) if found.folder == writer.folder), reverse=True)
    kept = {str(name) for name in own[:keep]}
    wanted = {writer.object(digest) for name in kept for digest in needed.get(name, ())} | kept
    before = [name for name in listed if (attempt := _attempt(name)) is not None and attempt < writer.attempt]
    mine = [name for name in listed if name.startswith(f"{writer.folder}/") and name not in wanted]
    return sorted([*before, *mine], key=lambda name: (SnapshotName.parse(name) is None, name))


def _attempt(name: str) -> int | None:
    head = name.partition("-")[0]
    return int(head) if head.isdecimal() else None


def _step(name: str) -> int | None:
    """The step of a numbered checkpoint that a file belongs to."""
    parts = PurePosixPath(name).parts
    text = parts[1].removeprefix(_NUMBERED) if len(parts) > 2 and parts[0] == "checkpoints" else ""
    return int(text) if text.isdecimal() else None


def _is_passing(name: str) -> bool:
    return any(part.startswith(".") or part.endswith(".tmp") for part in PurePosixPath(name).parts)
