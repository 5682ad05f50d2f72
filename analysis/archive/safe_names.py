"""Which names of files may be written below a target: pure."""

import re

_DRIVE = re.compile(r"[A-Za-z]:")


def unsafe(name: str) -> str | None:
    """Why a file of this name could land outside the folder that it belongs in; None when it cannot."""
    if not name or "\0" in name:
        return "no name"
    if name.startswith(("/", "\\")) or _DRIVE.match(name):
        return "an absolute path"
    parts = re.split(r"[/\\]", name)
    if ".." in parts:
        return "leads out of the folder"
    if "." in parts or "" in parts:
        return "no plain path"
    return None
