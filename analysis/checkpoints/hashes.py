"""SHA-256 of large files, computed once: a file is hashed again only when its size or its time of change is another."""

import hashlib
import json
import os
from pathlib import Path

from trainable.spec.atomic_write import write_json

_FORMAT = 1


class Hashes:
    """Digests by path, remembered in a JSON file when one is given (paths relative to its folder).

    With `compute=False` only remembered digests are given, so that a page can be written at once. Damage that leaves size and time as they
    were, such as a flipped bit of a failing disk, is found by hashing without memory (``Hashes()``), as `check` does.
    """

    def __init__(self, memory: Path | None = None, *, compute: bool = True) -> None:
        self._memory, self._compute = memory, compute
        self._known: dict[str, list[object]] = _remembered(memory) if memory else {}
        self._used: dict[str, list[object]] = {}
        self._by_inode: dict[tuple[int, int, int, int], str] = {}
        self.bytes_hashed = 0

    def of(self, path: Path) -> str | None:
        """The file's digest in hexadecimal; None when it is not remembered and may not be computed. Raises OSError."""
        stat = path.stat()
        key, state = os.path.relpath(path, self._memory.parent if self._memory else None), [stat.st_size, stat.st_mtime_ns]
        inode = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
        known = self._known.get(key, [])
        digest = str(known[2]) if known[:2] == state and len(known) == 3 else self._by_inode.get(inode)
        if digest is None and self._compute:
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            self.bytes_hashed += stat.st_size
        if digest is not None:
            self._used[key] = [*state, digest]
            self._by_inode[inode] = digest
        return digest

    def remember(self) -> None:
        """Writes what was asked for since the start; files that nobody asked for any more are forgotten."""
        if self._memory is not None and self._used != self._known:
            write_json(self._memory, {"format": _FORMAT, "files": dict(sorted(self._used.items()))}, sync=False)


def _remembered(memory: Path) -> dict[str, list[object]]:
    """What an earlier `remember` wrote; nothing when that is missing or damaged, since it can be computed again."""
    try:
        values = json.loads(memory.read_bytes())
        files = values["files"] if values["format"] == _FORMAT else {}
        return {str(path): list(state) for path, state in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
