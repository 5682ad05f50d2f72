"""Where a backup goes, as it is written on the command line: checked, then opened."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from analysis.backup.arrow_store import SCHEMES, open_arrow
from analysis.backup.rclone_store import RcloneStore, is_installed
from analysis.backup.store import Store
from trainable.spec.mistakes import unknown

_REMOTE = re.compile(r":?\w[\w .+@-]+:(?!//).*")


def destination_mistakes(uri: str, option: str) -> list[str]:
    """One sentence for each reason why nothing could be kept at `uri`."""
    if is_remote(uri):
        if Path(uri).exists() or is_installed():
            return []
        return [f"{option} '{uri}' is a remote of rclone, and rclone is not installed; other places are s3://, gs://, file:// and folders"]
    parts = urlsplit(uri)
    if parts.username or parts.password or re.search(r"(?i)(access_key|secret|token|password)=", parts.query):
        return [f"{option} must not hold credentials: they belong in the environment, as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"]
    if parts.scheme and parts.scheme not in SCHEMES:
        return [unknown("kind of place", parts.scheme, SCHEMES)]
    if parts.scheme not in ("", "file") and not parts.netloc:
        return [f"{option} '{uri}' names no bucket, such as {parts.scheme}://bucket/folder"]
    if parts.scheme in ("", "file") and Path(parts.path).is_file():
        return [f"{option} '{uri}' is a file; a backup goes into a folder"]
    return []


def is_remote(uri: str) -> bool:
    """Whether this is ``remote:path`` in rclone's form; a folder of that name goes first."""
    return _REMOTE.fullmatch(uri) is not None and not Path(uri).exists()


def open_destination(uri: str) -> Store:
    """Raises ValueError for a place of an unknown kind, OSError when it cannot be reached."""
    return RcloneStore(uri) if is_remote(uri) else open_arrow(uri)
