"""What of a directory is worth keeping: every plain file; links, locks and unfinished files are left out and named."""

import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

# Held by whoever is at work, made again at need, or being written when the copy was made.
_PASSING_NAMES = frozenset({"driver.lock", ".summarized.parquet", "checkpoint_hashes.json"})
_PASSING_ENDINGS = (".lock", ".tmp", ".old", ".part")


@dataclass(frozen=True)
class Contents:
    """`files` are names relative to the directory with ``/``, sorted; `left_out` has a clause for each link and special file."""

    files: list[str]
    left_out: list[str]


def contents(folder: Path, without: Collection[str] = ()) -> Contents:
    """The files of `folder`, leaving out the entries directly in it that `without` names.

    A link is never followed: what it points at inside the directory is there under its own name, and what lies outside is not part of
    the result. Hard links are plain files. Raises ValueError for a name that is no UTF-8 text.
    """
    files, left_out = list[str](), list[str]()
    for name, path in _walk(folder, "", without):
        if not _is_text(name):
            raise ValueError(f"{folder}: the file name {name!r} is no UTF-8 text and cannot be listed in a manifest")
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            files.append(name)
        else:
            left_out.append(f"{name}: a link to {path.readlink()}" if stat.S_ISLNK(mode) else f"{name}: no plain file")
    return Contents(sorted(files), sorted(left_out))


def _walk(folder: Path, prefix: str, without: Collection[str]) -> Iterator[tuple[str, Path]]:
    for path in folder.iterdir():
        if path.name in without or _is_passing(path.name):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path, f"{prefix}{path.name}/", ())
        else:
            yield prefix + path.name, path


def _is_passing(name: str) -> bool:
    return name in _PASSING_NAMES or (name.startswith(".") and name.endswith(_PASSING_ENDINGS))


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
