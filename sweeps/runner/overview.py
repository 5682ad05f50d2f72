"""Every sweep in a line, with what lies of it on disk."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from sweeps.runner.outlook import UNFINISHED, driver_lives
from trainable.spec.ledger import DamagedLedger, SweepState, read_events, replay
from trainable.spec.sweep_dir import SweepDir, sweeps_dir

_DIRECTORY = re.compile(r"(?P<name>.+)-[0-9a-f]{8}(-\d+)?")


def overview(sweeps: Iterable[tuple[str, str]], results: Sequence[str]) -> list[str]:
    """`sweeps` are names with what they ask; then the directories in every results folder, those of unknown sweeps last."""
    found: dict[str, list[Path]] = {}
    for folder in results:
        for path in sorted(sweeps_dir(folder).glob("*")):
            if path.is_dir() and (match := _DIRECTORY.fullmatch(path.name)):
                found.setdefault(match["name"], []).append(path)
    lines = []
    for name, question in sweeps:
        lines += [f"{name:<22} {question}", *(f"  {path}: {state_of(SweepDir(path))}" for path in found.pop(name, []))]
    others = [path for paths in found.values() for path in paths]
    return lines + ["of other sweeps:"] * bool(others) + [f"  {path}: {state_of(SweepDir(path))}" for path in others]


def state_of(sweep_dir: SweepDir) -> str:
    """One clause from the ledger alone; what is wrong with it, where it cannot be read."""
    try:
        state = replay(read_events(sweep_dir.ledger)[0])
    except DamagedLedger as damaged:
        return f"damaged: {str(damaged).removeprefix(f'{sweep_dir.ledger}, ')}"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    ended = sum(record.status not in UNFINISHED for record in state.trials.values())
    return f"{driver_word(state)}, {ended} of {len(state.trials)} started trials ended" if state.drivers else "not started"


def driver_word(state: SweepState) -> str:
    """How the newest driver stands."""
    if state.has_ended:
        return str(state.endings[-1]["status"]).replace("_", " ")
    lives, driver = driver_lives(state), state.drivers[-1]
    if lives is None:
        return f"running on {driver['host']}, or killed there"
    return f"running, process {driver['pid']}" if lives else "killed"
