"""A results folder on a small disk of its own, which can fill up or become read-only; needs the right to mount."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

SIZE_MB = 48
_BALLAST = "ballast"


def mount_refused(folder: Path) -> str | None:
    """Why nothing can be mounted here; None when it can."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with small_disk(folder):
            return None
    except (OSError, subprocess.CalledProcessError) as error:
        told = getattr(error, "stderr", b"") or str(error).encode()
        return str(told.decode(errors="replace")).strip()


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk of `SIZE_MB` at `folder` for the body; what it holds is gone afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "none", str(folder))
    try:
        yield
    finally:
        writable(folder)
        _run("umount", "--lazy", str(folder))


def fill(folder: Path, left_bytes: int) -> None:
    """Takes all room but `left_bytes`."""
    written = 0
    with open(folder / _BALLAST, "ab", buffering=0) as file:
        try:
            while written_now := file.write(b"\0" * 65536):
                written += written_now
        except OSError:
            pass
        file.truncate(max(0, written - left_bytes))


def free(folder: Path) -> None:
    (folder / _BALLAST).unlink(missing_ok=True)


def read_only(folder: Path) -> None:
    """Whoever opens a file of `folder` from now on finds it read-only; files that are open stay as they are."""
    # Made read-only out of sight first: a mount that somebody writes through cannot be made so.
    with TemporaryDirectory() as aside:
        _run("mount", "--bind", str(folder), aside)
        try:
            _run("mount", "-o", "remount,bind,ro", aside)
            _run("mount", "--bind", aside, str(folder))
        finally:
            _run("umount", "--lazy", aside)


def writable(folder: Path) -> None:
    """The inverse of `read_only`; nothing when it was not called."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for _ in range(mounts.count(str(folder)) - 1):
        _run("umount", "--lazy", str(folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
