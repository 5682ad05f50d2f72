"""The processes of a sweep, found by a mark in their environment: Ray's own and the workers inherit it."""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARK = "SWEEP_FAULTS_MARK"
# Ray's helpers on a node notice the end of their raylet late; they hold nothing of the sweep.
_AGENTS = ("ray::DashboardAgent", "ray::RuntimeEnvAgent", "dashboard/agent.py", "runtime_env/agent/main.py")
_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Process:
    pid: int
    command: str

    @property
    def is_worker(self) -> bool:
        return self.command.startswith("ray::") and "Trainable" in self.command

    @property
    def is_raylet(self) -> bool:
        return "/raylet/raylet" in self.command

    @property
    def is_agent(self) -> bool:
        return any(name in self.command for name in _AGENTS)


def marked(mark: str) -> list[Process]:
    """All living processes with this mark."""
    return [Process(pid, _command(pid)) for pid in _pids() if f"{MARK}={mark}\0".encode() in _read(pid, "environ")]


def kill(process: Process, number: int = signal.SIGKILL) -> None:
    with suppress(ProcessLookupError):
        os.kill(process.pid, number)


def wait_until_gone(mark: str, patience_seconds: float) -> tuple[float, list[Process]]:
    """How long it took until only agents were left, and what is left at the end of the patience."""
    started = time.monotonic()
    while left := [process for process in marked(mark) if not process.is_agent]:
        if time.monotonic() - started > patience_seconds:
            break
        time.sleep(_POLL_SECONDS)
    return time.monotonic() - started, left


def age_seconds(process: Process) -> float:
    """Since its start; 0 for one that is gone."""
    fields = _read(process.pid, "stat").rpartition(b")")[2].split()
    if not fields:
        return 0.0
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return uptime - int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal() and path.name != str(os.getpid())]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _command(pid: int) -> str:
    return _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
