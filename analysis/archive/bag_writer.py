"""Makes a BagIt bag of a directory: copied, read back and compared with its source, then put in place whole.

The Library of Congress' ``bagit`` judges these bags in the tests; it does not write them, since it turns the directory that it is given
into the bag itself, and declares version 0.97 instead of the 1.0 of RFC 8493.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from analysis.archive.bag import BAG_INFO, BAGIT, DECLARATION, PAYLOAD, manifest_name, payload_oxum, render_info, render_manifest
from analysis.archive.fingerprint import ALGORITHMS, Fingerprint, Gauge, chunks, fingerprint, fingerprint_of
from trainable.spec.atomic_write import sync_directory


class CopyDiffers(ValueError):
    """A file is not the same in the source and in the copy; the message names it."""


@dataclass(frozen=True)
class Filing:
    """What goes into a bag: `files` of `source` as its payload, entries of ``bag-info.txt``, and further `tags`, name to content."""

    source: Path
    files: Sequence[str]
    info: Mapping[str, str]
    tags: Mapping[str, bytes] = field(default_factory=dict)


def write_bag(target: Path, filing: Filing) -> None:
    """Leaves a whole bag at `target`, in place of the one that was there, or what was there before.

    Raises `CopyDiffers` when source and copy are not the same after copying, OSError when either cannot be read or written.
    """
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        prints = copy_files(filing.source, filing.files, beside / PAYLOAD)
        _write_tags(beside, filing, {PAYLOAD + name: each for name, each in prints.items()})
        _put_in_place(beside, target)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def copy_files(source: Path, names: Sequence[str], target: Path) -> dict[str, Fingerprint]:
    """Copies and then compares; hard links to one file stay links to one copy, so that `best` and `final` cost nothing."""
    target.mkdir(parents=True)
    first: dict[tuple[int, int], str] = {}
    prints: dict[str, Fingerprint] = {}
    for name in names:
        about = (source / name).stat()
        same = first.setdefault((about.st_dev, about.st_ino), name)
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if same != name:
            os.link(target / same, target / name)
            prints[name] = prints[same]
        else:
            prints[name] = _copy(source / name, target / name)
    _compare(source, target, prints)
    for folder, _, _ in os.walk(target):
        sync_directory(Path(folder))
    return prints


def _copy(source: Path, target: Path) -> Fingerprint:
    gauge = Gauge()
    with open(source, "rb") as read, open(target, "xb") as written:
        for chunk in chunks(read):
            gauge.take(chunk)
            written.write(chunk)
        written.flush()
        os.fsync(written.fileno())
    return gauge.fingerprint()


def _compare(source: Path, target: Path, prints: Mapping[str, Fingerprint]) -> None:
    """Both are read again: what was copied, what is in the copy, and what is in the source have to be one."""
    differing = [name for name, each in prints.items() if not each == fingerprint(target / name) == fingerprint(source / name)]
    if differing:
        raise CopyDiffers(
            f"{source}: not the same after copying, so nothing was archived: {', '.join(differing)} (changed meanwhile, or a bad disk)"
        )


def _write_tags(bag: Path, filing: Filing, payload: Mapping[str, Fingerprint]) -> None:
    info = render_info({**filing.info, "Payload-Oxum": payload_oxum(payload)})
    tags = {BAGIT: DECLARATION.encode(), BAG_INFO: info.encode(), **filing.tags}
    tags |= {manifest_name(each): render_manifest(payload, each).encode() for each in ALGORITHMS}
    prints = {name: _write(bag / name, content) for name, content in tags.items()}
    for each in ALGORITHMS:
        _write(bag / manifest_name(each, of_tags=True), render_manifest(prints, each).encode())
    sync_directory(bag)


def _write(path: Path, content: bytes) -> Fingerprint:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return fingerprint_of([content])


def _put_in_place(beside: Path, target: Path) -> None:
    """Renames the finished bag to its name; an older one steps aside first, since folders cannot be replaced in one go."""
    old = target.with_name(f".{target.name}.old")
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.replace(target, old)
    os.replace(beside, target)
    sync_directory(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def put_in_order(folder: Path) -> None:
    """Removes what a killed process was writing in `folder`; a bag that it had only put aside comes back."""
    for old in folder.glob(".*.old"):
        target = old.with_name(old.name.removeprefix(".").removesuffix(".old"))
        if target.exists():
            shutil.rmtree(old)
        else:
            os.replace(old, target)
    for left in folder.glob(".*.tmp"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
