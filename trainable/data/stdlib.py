"""The source code of the running Python's own standard library: real text that every machine already has."""

import platform
import sys
import sysconfig
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainable.data.source import Source
from trainable.spec.config import DataConfig

# Left out so that one Python version gives one corpus: distributions ship these apart, patched, or not at all.
_NOT_EVERYWHERE = {"test", "tests", "idlelib", "lib2to3", "distutils", "ensurepip", "tkinter", "turtle", "turtledemo", "macholib"}
# Left out because they are tables and generated text: one 750 kB file would outweigh a whole split.
_NOT_WRITTEN = {"encodings", "pydoc_data"}


def library() -> Path:
    return Path(sysconfig.get_path("stdlib"))


def source_files(root: Path) -> list[str]:
    """Relative posix paths of the modules that belong to the corpus, sorted."""
    # The interpreter's own list of modules keeps out site-packages and what a distribution adds (sitecustomize, build facts).
    modules = [entry for entry in root.iterdir() if entry.name.removesuffix(".py") in sys.stdlib_module_names]
    files = [file.relative_to(root) for entry in modules for file in (entry.rglob("*.py") if entry.is_dir() else [entry])]
    left_out = _NOT_EVERYWHERE | _NOT_WRITTEN
    return sorted(file.as_posix() for file in files if not left_out.intersection(file.with_suffix("").parts))


def read(file: Path) -> str | None:
    """The file's text by its own declared encoding; None when it has none that fits."""
    try:
        with tokenize.open(file) as stream:
            return stream.read()
    except (SyntaxError, UnicodeDecodeError):
        return None


def documents(config: DataConfig, part: str) -> Iterator[str]:  # noqa: ARG001 (one signature for every source)
    root = library()
    texts = (read(root / file) for file in source_files(root))
    return (text for text in texts if text is not None)


def mistakes(config: DataConfig) -> list[str]:  # noqa: ARG001
    if source_files(library()):
        return []
    return [f"data=stdlib: this Python ships no source files in {library()}; use data=text data.path=FILE"]


def edition(config: DataConfig) -> dict[str, Any]:  # noqa: ARG001
    return {"python": platform.python_version()}


SOURCE = Source(documents, mistakes, edition=edition)
