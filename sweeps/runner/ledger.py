"""The driver's side of the ledger: append, synced, one driver at a time; the format is `trainable.spec.ledger`."""

import errno
import fcntl
import json
import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from trainable.spec.atomic_write import sync_directory
from trainable.spec.ledger import DamagedLedger, SweepState, apply, read_events, replay
from trainable.spec.mistakes import WrongRequest
from trainable.spec.sweep_dir import SweepDir

# Events that a later driver could not find out again reach the disk before anything follows from them.
_SYNCED = frozenset({"driver_started", "sampled", "trial_started", "rung", "trial_ended", "stage_ended", "driver_ended"})


class Ledger:
    """The state of a sweep and its file, always the same; `warning` says what had to be repaired on opening."""

    def __init__(self, sweep_dir: SweepDir) -> None:
        """Raises `WrongRequest` when another driver is at work, `DamagedLedger` when the file is damaged in the middle."""
        sweep_dir.path.mkdir(parents=True, exist_ok=True)
        self._lock = _lock_driver(sweep_dir.lock)
        try:
            events, whole = read_events(sweep_dir.ledger)
            self.state: SweepState = replay(events)
        except DamagedLedger:
            self._lock.close()
            raise
        self.warning = _cut_torn_end(sweep_dir.ledger, whole)
        # Unbuffered: what a failed write left behind is known, and can be taken back.
        self._file = open(sweep_dir.ledger, "ab", buffering=0)
        self._is_behind = False
        sync_directory(sweep_dir.path)

    def append(self, event: str, **values: Any) -> Mapping[str, Any]:
        """Writes one event, moves the state by it and syncs."""
        entry = self.write(event, **values)
        self.sync()
        return entry

    def write(self, event: str, **values: Any) -> Mapping[str, Any]:
        """Writes one event and moves the state by it; it may be lost until `sync`, after which others may follow from it.

        Raises OSError when the disk is full: the state is then unmoved.
        """
        entry = {"event": event, "time": datetime.now(UTC).isoformat(timespec="milliseconds"), **values}
        line = json.dumps(entry, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        length = os.fstat(self._file.fileno()).st_size
        try:
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._file.name)
        except OSError:
            os.ftruncate(self._file.fileno(), length)
            raise
        self._is_behind = self._is_behind or event in _SYNCED
        apply(self.state, entry)
        return entry

    def sync(self) -> None:
        """Brings all that was written to the disk, if it has to be there: one sync for the events of one moment."""
        if self._is_behind:
            os.fsync(self._file.fileno())
            self._is_behind = False

    def close(self) -> None:
        self.sync()
        self._file.close()
        self._lock.close()


def _cut_torn_end(path: Path, whole: int) -> str | None:
    size = path.stat().st_size if path.exists() else 0
    if size == whole:
        return None
    os.truncate(path, whole)
    return f"{path}: the last line was torn ({size - whole} bytes) and has been cut off; what it said is found out again"


def _lock_driver(path: Path) -> IO[str]:
    """Takes the sweep directory for this driver. The lock dies with its holder, so a stale one does not exist."""
    file = open(path, "a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise WrongRequest([f"{path.parent} is in use by another driver ({holder}); wait for it, or end it, or use --fresh"]) from None
    file.truncate(0)
    file.write(f"host {socket.gethostname()}, pid {os.getpid()}")
    file.flush()
    return file
