"""Kills a sweep before one of its file operations, every one of them in turn if asked to.

A process is forked for each attempt, so that the kill is a real SIGKILL and nothing is cleaned up. Operations are counted by an
audit hook of the interpreter: opening, renaming, linking and removing files below the results folder, and by `os.fsync`.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sweeps.runner.sweep import Sweep
from tests.faults.without_ray import run_here

_OPERATIONS = frozenset({"open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "fcntl.flock", "os.fsync"})
_KILLED = -signal.SIGKILL


class _Counter:
    """Counts the operations below a folder, and kills this process before number `fatal` (from 1)."""

    def __init__(self, folder: Path, fatal: int | None) -> None:
        self.folder, self.fatal, self.count = str(folder), fatal, 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _OPERATIONS and (event in ("fcntl.flock", "os.fsync") or str(arguments[0]).startswith(self.folder)):
            self.count += 1
            if self.count == self.fatal:
                os.kill(os.getpid(), signal.SIGKILL)


def run_killed(sweep: Sweep, overrides: Sequence[str], results: Path, fatal: int | None) -> tuple[int, int]:
    """Runs the sweep in a process that dies before operation `fatal`; its exit status (-9: killed) and the operations counted."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _in_child(lambda: run_here(sweep, overrides), _Counter(results, fatal), writing)
    os.close(writing)
    with open(reading) as pipe:
        counted = pipe.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), int(counted or 0)


def _in_child(body: Callable[[], Any], counter: _Counter, writing: int) -> None:
    code = 70
    try:
        fsync = os.fsync

        def counted_fsync(descriptor: int) -> None:
            counter("os.fsync", (descriptor,))
            fsync(descriptor)

        os.fsync = counted_fsync  # the one operation that the interpreter does not audit
        sys.addaudithook(counter)
        code, _ = body()
        os.write(writing, str(counter.count).encode())
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def was_killed(code: int) -> bool:
    return code == _KILLED
