"""How SLURM says that jobs ended: asked of ``sacct`` where it is installed."""

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class ExitState:
    """`state` such as COMPLETED, FAILED, TIMEOUT; `code` as ``sacct`` writes it, ``1:0``."""

    state: str
    code: str


def exit_states(jobs: Iterable[str]) -> dict[str, ExitState] | None:
    """The states by job; a job that SLURM has forgotten is not there. None where ``sacct`` cannot be asked."""
    wanted = sorted(set(jobs))
    command = shutil.which("sacct")
    if command is None:
        return None
    if not wanted:
        return {}
    asked = [command, "-j", ",".join(wanted), "--format=JobID,State,ExitCode", "--parsable2", "--noheader", "--allocations"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_sacct(done.stdout) if done.returncode == 0 else None


def parse_sacct(text: str) -> dict[str, ExitState]:
    """Lines ``job|state|code``; steps of a job (``123.batch``) are passed over, ``CANCELLED by 1000`` is CANCELLED."""
    states = {}
    for line in text.splitlines():
        job, _, rest = line.partition("|")
        state, _, code = rest.partition("|")
        if job and "." not in job and state.split():
            states[job] = ExitState(state.split()[0], code.strip())
    return states
