"""Every sweep below a folder in a line: what its ledger and its tables say now. Reads only."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from analysis.ledger import read_ledger
from analysis.load import is_run, is_sweep, read_statement
from analysis.study import Study
from analysis.verdict import verdicts
from trainable.spec.ledger import SweepState
from trainable.spec.status import Status
from trainable.spec.sweep_dir import SweepDir

_DEEPEST = 6
# A sweep whose ledger takes long to read is left alone for so many times as long.
_REST = 10
_OPEN = frozenset({Status.RUNNING, Status.PAUSED, Status.INTERRUPTED})
_Stamp = tuple[int, int]


@dataclass(frozen=True)
class Line:
    """`path` is the sweep's name in addresses; `outcomes` are outcome and claim of the last report, `updated` the last event (UTC)."""

    path: str
    name: str
    state: str
    is_open: bool
    ended: int
    started: int
    updated: str
    outcomes: tuple[tuple[str, str], ...]
    has_page: bool


class Listing:
    """The sweeps below `root`; one that has not changed is not read again."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[Path, tuple[tuple[_Stamp, ...], Line]] = {}
        self._rest_until: dict[Path, float] = {}

    def directories(self) -> dict[str, Path]:
        """Sweep directories by their names in addresses."""
        root = self._root
        return {root.name if found == root else found.relative_to(root).as_posix(): found for found in sorted(sweeps_below(root))}

    def lines(self) -> list[Line]:
        return sorted((self._line(path, found) for path, found in self.directories().items()), key=lambda line: line.updated, reverse=True)

    def _line(self, path: str, directory: Path) -> Line:
        files = SweepDir(directory)
        stamps = tuple(_stamp(file) for file in (files.statement, files.ledger, files.trials, files.page))
        known = self._known.get(directory)
        if known is None or (known[0] != stamps and monotonic() > self._rest_until[directory]):
            start = monotonic()
            known = self._known[directory] = (stamps, read_line(path, files))
            self._rest_until[directory] = monotonic() + _REST * (monotonic() - start)
        return known[1]


def sweeps_below(root: Path) -> Iterator[Path]:
    """`root` itself or the sweep directories in it; links are not followed and run directories not entered."""
    for place, folders, _ in os.walk(root):
        here = Path(place)
        if is_sweep(here):
            yield here
        if is_sweep(here) or is_run(here) or len(here.relative_to(root).parts) >= _DEEPEST:
            folders.clear()
        folders[:] = [folder for folder in folders if not folder.startswith(".")]


def read_line(path: str, files: SweepDir) -> Line:
    """What lies on disk of one sweep; what cannot be read is said in `state`."""
    state, _ = read_ledger(files.ledger)
    told, is_open = _state(state)
    name, outcomes = path, tuple[tuple[str, str], ...]()
    try:
        name = read_statement(files).name
        if files.trials.exists() and files.metrics.exists():
            study = Study.from_files(files.path)
            outcomes = tuple((str(each.outcome), each.claim) for each in verdicts(study.statement, study.rows))
    except ValueError as error:
        told = str(error)
    ended = sum(record.status not in _OPEN for record in state.trials.values())
    last = max((file.stat().st_mtime for file in (files.ledger, files.statement) if file.exists()), default=0.0)
    updated = state.last_time.astimezone(UTC) if state.last_time else datetime.fromtimestamp(last, UTC)
    return Line(path, name, told, is_open, ended, len(state.trials), f"{updated:%Y-%m-%d %H:%M:%S}", outcomes, files.page.is_file())


def _state(state: SweepState) -> tuple[str, bool]:
    """The last driver's end, and whether it is still to come."""
    if not state.drivers:
        return "no driver has started", False
    return (str(state.endings[-1]["status"]), False) if state.has_ended else ("running, or killed", True)


def _stamp(file: Path) -> _Stamp:
    try:
        status = file.stat()
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)
