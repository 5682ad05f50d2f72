"""Puts files where they belong below a target: planned in full before the first is written, and never over another file."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from analysis.archive.fingerprint import Gauge, fingerprint
from analysis.archive.safe_names import unsafe
from trainable.spec.atomic_write import sync_directory


class Refused(ValueError):
    """Files that may not be written; one sentence for each."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = list(reasons)
        super().__init__("nothing was written: " + "; ".join(self.reasons))


def to_write(target: Path, expected: Mapping[str, str]) -> set[str]:
    """The names of `expected`, name below `target` to SHA-256, that are not there yet.

    A file that is there already with that very content is left alone, so that an interrupted restore is taken up again. Raises
    `Refused` for names that leave the target, and for files, links and folders that are there with another content.
    """
    unsafe_names = [f"'{name}': {why}" for name in sorted(expected) if (why := unsafe(name))]
    if unsafe_names:
        raise Refused(unsafe_names)
    reasons = [reason for name, digest in sorted(expected.items()) if (reason := _in_the_way(target, name, digest))]
    if reasons:
        raise Refused(reasons)
    return {name for name in expected if not (target / name).exists()}


def _in_the_way(target: Path, name: str, digest: str) -> str | None:
    path = target
    for part in name.split("/")[:-1]:
        path = path / part
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            return f"{path} is there and is no folder"
    path = target / name
    if path.is_symlink() or (path.exists() and not path.is_file()):
        return f"{path} is there and is no plain file"
    if path.exists() and fingerprint(path).sha256 != digest:
        return f"{path} is there with another content"
    return None


def place(path: Path, parts: Iterable[bytes], digest: str) -> None:
    """Writes `path` whole or not at all. Raises ValueError when the bytes are not those of `digest` (SHA-256)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    gauge = Gauge()
    try:
        with open(beside, "xb") as file:
            for part in parts:
                gauge.take(part)
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        if gauge.fingerprint().sha256 != digest:
            raise ValueError(f"{path} was not written: what was read does not have its checksum")
        os.link(beside, path)  # unlike a rename it never replaces a file
    except FileExistsError:
        raise Refused([f"{path} is there by now"]) from None
    finally:
        beside.unlink(missing_ok=True)
    sync_directory(path.parent)
