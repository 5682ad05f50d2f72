"""Any local text: a file parted into documents, or a folder in which every text file is one document."""

import codecs
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainable.data.source import END_OF_TEXT, Source
from trainable.spec.config import DataConfig
from trainable.spec.mistakes import WrongRequest, did_you_mean

BLANK_LINES = "blank lines"
_BLOCK = 1 << 22  # read in blocks: a file may be larger than memory


def documents(config: DataConfig, part: str) -> Iterator[str]:  # noqa: ARG001 (one signature for every source)
    path = _path(config)
    if path.is_dir():
        return (text for text in map(_whole_text, text_files(path)) if text is not None)
    separator = config.document_separator
    if separator == "auto":
        separator = END_OF_TEXT if _contains(path, END_OF_TEXT) else BLANK_LINES
    return parted_by_blank_lines(_lines(path)) if separator == BLANK_LINES else parted_by(separator, _blocks(path))


def parted_by(separator: str, blocks: Iterator[str]) -> Iterator[str]:
    """The text between separators, without the line ends around it, wherever the blocks are cut."""
    rest = ""
    for block in blocks:
        *whole, rest = (rest + block).split(separator)
        yield from (document.strip("\n") for document in whole)
    yield rest.strip("\n")


def parted_by_blank_lines(lines: Iterator[str]) -> Iterator[str]:
    """Runs of lines that are not blank."""
    document: list[str] = []
    for line in lines:
        if line.strip():
            document.append(line)
        elif document:
            yield "".join(document).rstrip("\n")
            document = []
    yield "".join(document).rstrip("\n")


def text_files(folder: Path) -> list[Path]:
    """All files below the folder that are not hidden, sorted by relative posix path."""
    found: list[Path] = []
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(here, name) for name in files if not name.startswith(".")]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def mistakes(config: DataConfig) -> list[str]:
    if config.path is None:
        return ["data.path is not given: data=text needs a text file or folder (data.path=FILE)"]
    if not config.document_separator:
        return ["data.document_separator is empty: give the text that parts documents, or auto"]
    path = _path(config)
    if not path.exists():
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        return [f"data.path={config.path}: no such file or folder{did_you_mean(path.name, beside)}"]
    if path.is_dir():
        has_text = any(_is_text(file) for file in text_files(path))
        return [] if has_text else [f"data.path={config.path}: no text file (UTF-8, not empty) in this folder"]
    return _file_mistakes(path, config)


def _file_mistakes(path: Path, config: DataConfig) -> list[str]:
    try:
        if path.stat().st_size == 0:
            return [f"data.path={config.path}: the file is empty"]
        if not _is_text(path):
            return [f"data.path={config.path}: not a text file (it must be UTF-8 without NUL bytes)"]
    except OSError as error:
        return [f"data.path={config.path}: cannot be read ({error.strerror})"]
    return []


def _is_text(path: Path) -> bool:
    with open(path, "rb") as file:
        start = file.read(_BLOCK)
    try:
        # final=False: the block may end inside a character
        text = codecs.getincrementaldecoder("utf-8")().decode(start, final=len(start) < _BLOCK)
    except UnicodeDecodeError:
        return False
    return bool(text) and "\0" not in text


def fingerprint(config: DataConfig) -> dict[str, Any]:
    path = _path(config)
    if not path.exists():
        return {}  # what is prepared may outlive its source
    facts = [file.stat() for file in (text_files(path) if path.is_dir() else [path])]
    return {"files": len(facts), "bytes": sum(f.st_size for f in facts), "modified_ns": max((f.st_mtime_ns for f in facts), default=0)}


def _path(config: DataConfig) -> Path:
    return Path(config.path or "").expanduser()


def _whole_text(path: Path) -> str | None:
    """None for a file that is not text: a folder of prose may hold pictures."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _contains(path: Path, separator: str) -> bool:
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(separator.encode()) >= 0


def _blocks(path: Path) -> Iterator[str]:
    with open(path, encoding="utf-8-sig") as file:
        try:
            while block := file.read(_BLOCK):
                yield block
        except UnicodeDecodeError as error:
            raise _not_text(path, error) from error


def _lines(path: Path) -> Iterator[str]:
    with open(path, encoding="utf-8-sig") as file:
        try:
            yield from file
        except UnicodeDecodeError as error:
            raise _not_text(path, error) from error


def _not_text(path: Path, error: UnicodeDecodeError) -> WrongRequest:
    return WrongRequest([f"data.path={path}: not a text file ({error.reason}; it must be UTF-8)"])


SOURCE = Source(documents, mistakes, fingerprint=fingerprint)
