"""The version of the code at work, as git knows it."""

import subprocess
from functools import lru_cache
from pathlib import Path

_CODE = Path(__file__).resolve().parent


@lru_cache
def commit() -> str | None:
    """The commit that is checked out; None where there is no git or no repository."""
    return git("rev-parse", "HEAD")


def git(*arguments: str) -> str | None:
    """Output of a git command in the folder of the code; None when it fails."""
    try:
        done = subprocess.run(["git", "-C", str(_CODE), *arguments], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
