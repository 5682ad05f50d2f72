"""The version of the code at work, as git knows it."""

import hashlib
import platform
import socket
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

_CODE = Path(__file__).resolve().parent
_ROOT = _CODE.parents[1]
_SUFFIXES = (".py", ".yaml")
_PACKAGES = ("sweeps", "trainable", "search_spaces")
_DIGEST_LENGTH = 12


class OtherCode(RuntimeError):
    """The code here is not that of the sweep's driver."""


@lru_cache
def commit() -> str | None:
    """The commit that is checked out; None where there is no git or no repository."""
    return git("rev-parse", "HEAD")


@lru_cache
def digest() -> str:
    """The start of a SHA-256 over the sources that a run depends on: tells changes apart that are in no commit."""
    found = hashlib.sha256()
    for path in sorted(path for package in _PACKAGES for suffix in _SUFFIXES for path in (_ROOT / package).rglob(f"*{suffix}")):
        found.update(f"{path.relative_to(_ROOT)}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:_DIGEST_LENGTH]


def code_version() -> dict[str, str | None]:
    """What must be the same on every machine of a sweep."""
    return {"commit": commit(), "digest": digest(), "python": platform.python_version()}


def require_code(expected: Mapping[str, str | None] | None) -> None:
    """Raises `OtherCode` unless the code here is the expected one, where one is given."""
    if expected is not None and dict(expected) != code_version():
        there = f"node {socket.gethostname()} runs {version_text(code_version())}"
        raise OtherCode(f"{there}, but the sweep's driver runs {version_text(expected)}: ray up brings them together")


def version_text(version: Mapping[str, str | None]) -> str:
    commit = version["commit"]
    return f"commit {commit[:12] if commit else 'unknown'}, sources {version['digest']}, Python {version['python']}"


def git(*arguments: str) -> str | None:
    """Output of a git command in the folder of the code; None when it fails, or when this code is in no repository."""
    return _git(*arguments) if _is_tracked() else None


def new_sources() -> dict[str, str] | None:
    """Sources that a run depends on and git does not know yet, such as somebody's own sweep: text by path; None as for `git`."""
    listed = git("ls-files", "--others", "--exclude-standard", "-z", "--", *(str(_ROOT / package) for package in _PACKAGES))
    if listed is None:
        return None
    paths = sorted((_CODE / name).resolve() for name in listed.split("\0") if name.endswith(_SUFFIXES))
    return {path.relative_to(_ROOT).as_posix(): path.read_text(encoding="utf-8", errors="replace") for path in paths if path.is_file()}


@lru_cache
def _is_tracked() -> bool:
    """Whether git knows this very file: an environment with an installed copy may lie inside somebody else's repository."""
    return _git("ls-files", "--error-unmatch", "--", Path(__file__).name) is not None


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(_CODE), *arguments], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
