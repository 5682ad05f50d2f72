"""``backup-manifest.json`` at the destination: what was copied there and read back. Pure."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from analysis.archive.safe_names import unsafe

MANIFEST = "backup-manifest.json"
BACKUP_FORMAT = 1


@dataclass(frozen=True)
class Copy:
    """A file at the destination; `modified_ns` is the source's time of change, so that an untouched file is not read again."""

    size: int
    sha256: str
    modified_ns: int
    verified: str


def as_json(copies: Mapping[str, Copy]) -> str:
    files = {name: asdict(copies[name]) for name in sorted(copies)}
    return json.dumps({"format": BACKUP_FORMAT, "files": files}, indent=1, ensure_ascii=False) + "\n"


def read_copies(text: str) -> dict[str, Copy]:
    """Raises ValueError when it is not ours, damaged, or names a file that would leave the folder it is restored to."""
    try:
        told: Any = json.loads(text)
        if told["format"] != BACKUP_FORMAT:
            raise ValueError(f"it is of format {told['format']}, not {BACKUP_FORMAT}")
        copies = {str(name): Copy(**entry) for name, entry in told["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{MANIFEST} cannot be read: {error}") from error
    if wrong := [f"'{name}': {why}" for name in sorted(copies) if (why := unsafe(name))]:
        raise ValueError(f"{MANIFEST} cannot be trusted: {'; '.join(wrong)}")
    return copies
