"""Where a backup goes, as it is written on the command line: checked, then opened."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from analysis.backup.rclone_store import RcloneStore, is_installed
from trainable.spec.storage.arrow_store import open_arrow
from trainable.spec.storage.place import place_mistakes
from trainable.spec.storage.store import Store

_REMOTE = re.compile(r":?\w[\w .+@-]+:(?!//).*")


def destination_mistakes(uri: str, option: str) -> list[str]:
    """One sentence for each reason why nothing could be kept at `uri`."""
    if is_remote(uri):
        if Path(uri).exists() or is_installed():
            return []
        return [f"{option} '{uri}' is a remote of rclone, and rclone is not installed; other places are s3://, gs://, file:// and folders"]
    if found := place_mistakes(uri, option):
        return found
    parts = urlsplit(uri)
    if parts.scheme in ("", "file") and Path(parts.path).is_file():
        return [f"{option} '{uri}' is a file; a backup goes into a folder"]
    return []


def is_remote(uri: str) -> bool:
    """Whether this is ``remote:path`` in rclone's form; a folder of that name goes first."""
    return _REMOTE.fullmatch(uri) is not None and not Path(uri).exists()


def open_destination(uri: str) -> Store:
    """Raises ValueError for a place of an unknown kind, OSError when it cannot be reached."""
    return RcloneStore(uri) if is_remote(uri) else open_arrow(uri)
