"""Which file an address means: reports, figures and tables of the sweeps that were found, and nothing else."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote

PREFIX = "/sweep/"
_PLAIN = "text/plain; charset=utf-8"
_TYPES = {
    "html": "text/html; charset=utf-8",
    "md": _PLAIN,
    "tex": _PLAIN,
    "csv": "text/csv; charset=utf-8",
    "png": "image/png",
    "pdf": "application/pdf",
}
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_SERVED = re.compile(rf"report\.html|RESULTS\.md|figures/{_NAME}\.(png|pdf)|tables/{_NAME}\.(csv|md|tex)")


def address(sweep: str) -> str:
    """Where the page of a sweep is."""
    return f"{PREFIX}{quote(sweep)}/report.html"


def file_of(path: str, sweeps: Mapping[str, Path]) -> Path | None:
    """The file behind an address's path; None unless it is one that is served, in a sweep that was found, and no link.

    It may not exist. `sweeps` are directories by name; only names that stand there are looked up, and no part of a path is followed.
    """
    asked = unquote(path)
    owners = [name for name in sweeps if asked.startswith(f"{PREFIX}{name}/")]
    if not owners:
        return None
    owner = max(owners, key=len)
    inside = asked.removeprefix(f"{PREFIX}{owner}/")
    if not _SERVED.fullmatch(inside):
        return None
    directory = sweeps[owner].resolve()
    file = directory / inside
    return file if file.resolve() == file else None


def type_of(file: Path) -> str:
    return _TYPES[file.suffix.removeprefix(".")]
