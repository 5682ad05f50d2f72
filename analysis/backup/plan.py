"""What a backup has to copy and what it may remove. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from analysis.backup.manifest import Copy


@dataclass(frozen=True)
class LocalFile:
    size: int
    modified_ns: int


def to_copy(local: Mapping[str, LocalFile], copies: Mapping[str, Copy], present: Mapping[str, int]) -> list[str]:
    """The files that are not at the destination as they are here, by name.

    `present` are the sizes of what lies at the destination now: a file that somebody removed or cut short there is copied again. Size and
    time of change stand for the content, as with rsync; ``--checksum`` is for those who want every file read.
    """
    return sorted(name for name, file in local.items() if not _is_there(name, file, copies, present))


def _is_there(name: str, file: LocalFile, copies: Mapping[str, Copy], present: Mapping[str, int]) -> bool:
    copy = copies.get(name)
    same = copy is not None and (copy.size, copy.modified_ns) == (file.size, file.modified_ns)
    return same and present.get(name) == file.size


def gone(local: Collection[str], roots: Collection[str], copies: Collection[str]) -> list[str]:
    """Copies of what is no longer below one of the `roots` that are backed up now; other roots are none of this backup's business."""
    return sorted(name for name in copies if name.split("/")[0] in roots and name not in local)


def keepers(expired: Collection[str], copies: Mapping[str, Copy]) -> dict[str, list[str]]:
    """For each expired copy the other copies with its content that stay; empty where it is the last one, which may not go."""
    leaving = set(expired)
    staying: dict[str, list[str]] = {}
    for name in sorted(copies):
        if name not in leaving:
            staying.setdefault(copies[name].sha256, []).append(name)
    return {name: staying.get(copies[name].sha256, []) for name in sorted(expired)}
