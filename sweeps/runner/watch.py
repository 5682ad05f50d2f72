"""The live view of a sweep that runs or ran elsewhere: reads ``sweep.json`` and the ledger, and takes no lock."""

import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from sweeps.runner.outlook import Outlook
from sweeps.runner.progress import Progress
from sweeps.runner.stated import read_statement
from trainable.spec.ledger import DamagedLedger, SweepState, apply, parse_event, read_events, replay
from trainable.spec.mistakes import EXIT_DONE, WrongRequest
from trainable.spec.sweep_dir import SweepDir

_LOOK_SECONDS = 0.5


class Followed:
    """A sweep as its files tell it; `refresh` reads what was written since."""

    outlook: Outlook

    def __init__(self, sweep_dir: SweepDir) -> None:
        """Raises `WrongRequest` for a directory that holds no sweep, or a damaged one."""
        self.sweep_dir = sweep_dir
        self._read = 0
        self._restart()

    def refresh(self) -> None:
        """Raises `WrongRequest` when the ledger has been damaged meanwhile. A line that is being written is left for the next time."""
        with suppress(FileNotFoundError), open(self.sweep_dir.ledger, "rb") as file:
            file.seek(0, 2)
            if file.tell() < self._read:  # another ledger than the one that was read
                self._restart()
            file.seek(self._read)
            whole = [line for line in file.read().splitlines(keepends=True) if line.endswith(b"\n")]
            if not all(map(self._take, whole)):
                self._restart()

    def _take(self, line: bytes) -> bool:
        """Moves the state by one line; False when it is no event."""
        event = parse_event(line)
        if event is None:
            return False
        apply(self.outlook.state, event)
        self._read += len(line)
        if event["event"] == "driver_started":  # it may have amended the statement
            self.outlook = Outlook(read_statement(self.sweep_dir), self.outlook.state)
        return True

    def _restart(self) -> None:
        """Reads all again; says what is damaged."""
        statement = read_statement(self.sweep_dir)
        try:
            events, self._read = read_events(self.sweep_dir.ledger)
            self.outlook = Outlook(statement, replay(events))
        except DamagedLedger as damaged:
            raise WrongRequest([str(damaged)]) from damaged


def watch(path: Path, console: Console) -> int:
    """Shows the sweep until its driver has ended, or until q or Ctrl-C."""
    followed = Followed(SweepDir(path))
    progress = Progress(console, followed.outlook.statement, followed.outlook.state)
    with suppress(KeyboardInterrupt), progress, _keys() as pressed:
        while True:
            followed.refresh()
            progress.outlook = followed.outlook
            progress.beat()
            if is_over(followed.outlook) or pressed(_LOOK_SECONDS) in ("q", "Q"):
                followed.refresh()  # the last words of a driver that was about to end
                break
    if not progress.is_live:
        console.print(progress.screen(height=None))
    console.print(_last_words(followed.outlook.state, followed.outlook), style="dim", soft_wrap=True)
    return EXIT_DONE


def is_over(outlook: Outlook) -> bool:
    """Whether no driver is at work; one of another host is taken to be until it says otherwise."""
    return outlook.has_ended or outlook.driver_lives is False


def _last_words(state: SweepState, outlook: Outlook) -> str:
    if outlook.has_ended:
        ending = state.endings[-1]
        return ": ".join(filter(None, [f"the driver ended, {ending['status'].replace('_', ' ')}", ending.get("message")]))
    if outlook.driver_lives is False:
        return f"the driver was killed; to continue: {state.drivers[-1]['command']}"
    return "the sweep goes on"


def _no_key(seconds: float) -> str:
    time.sleep(seconds)
    return ""


@contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """A function that waits for a key, as long as it is told; without a terminal to read from it only waits."""
    if not sys.stdin.isatty():
        yield _no_key
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield lambda seconds: sys.stdin.read(1) if select.select([sys.stdin], [], [], seconds)[0] else ""
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
