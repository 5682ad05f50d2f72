"""Progress while a sweep runs: a live table on a terminal, plain lines elsewhere."""

import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol

from rich.console import Console, ConsoleDimensions, RenderableType
from rich.live import Live

from sweeps.runner.happenings import Happening, refusals
from sweeps.runner.outlook import Outlook
from sweeps.runner.ranking import last_value
from sweeps.runner.trial_table import values_text
from sweeps.runner.view import clock, screen
from trainable.spec.ledger import SweepState
from trainable.spec.statement import Statement
from trainable.spec.status import Status

_REFRESH_SECONDS = 0.5
_PAUSE_RATIO = 20


class Surroundings(Protocol):
    """What a sweep runs in, in lines for a screen."""

    @property
    def hosts(self) -> list[str]: ...

    def lines(self) -> list[str]: ...


class Progress:
    """Shows the ledger's state; `beat` is called often and draws seldom."""

    def __init__(self, console: Console, statement: Statement, state: SweepState, surroundings: Surroundings | None = None) -> None:
        self.console, self.outlook, self.surroundings = console, Outlook(statement, state), surroundings
        self._hosts: list[str] = []
        self._node_events: list[Happening] = []
        self._due = 0.0
        self._size: ConsoleDimensions | None = None
        self._told: dict[str, str] = {name: record.status for name, record in state.trials.items()}
        self._told_refusals = len(refusals(state))
        self._live = _live(console) if console.is_terminal and not console.is_dumb_terminal else None

    def __enter__(self) -> "Progress":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live:
            self._live.stop()
            self.console.print(self.screen(height=None))
        else:
            self._print_changes()

    def beat(self) -> None:
        now = time.monotonic()
        if now < self._due:
            return
        self._follow_nodes()
        if self._live:
            self._draw(self._live)
        else:
            self._print_changes()
        # A view of thousands of trials takes time, which is to be a small part of the driver's.
        drawn = time.monotonic()
        self._due = drawn + max(_REFRESH_SECONDS, _PAUSE_RATIO * (drawn - now))

    def _draw(self, live: Live) -> None:
        """On a screen of another size nothing lies where it was drawn, so that one is begun anew."""
        size = self.console.size
        if self._size not in (None, size):
            live.stop()
            self.console.clear()
            live.start()
        self._size = size
        live.update(self.screen(height=size.height - 1), refresh=True)

    @property
    def is_live(self) -> bool:
        return self._live is not None

    def screen(self, height: int | None) -> RenderableType:
        """The view of this moment; None: every trial."""
        notes = self.surroundings.lines() if self.surroundings else []
        now, width = datetime.now(UTC), self.console.width
        return screen(self.outlook, now, width=width, height=height, notes=notes, more_events=self._node_events)

    def _follow_nodes(self) -> None:
        """Remembers which nodes came and went."""
        if self.surroundings is None or self.surroundings.hosts == self._hosts:
            return
        before, self._hosts = self._hosts, list(self.surroundings.hosts)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        gone = [f"node {host} left" for host in before if host not in self._hosts]
        come = [f"node {host} joined" for host in self._hosts if host not in before]
        self._node_events += [Happening(now, text) for text in [*gone, *come]]
        if not self._live:
            self._tell(self.surroundings.lines()[0])

    def _print_changes(self) -> None:
        """One line for each trial whose status changed, and for each draw that was refused."""
        refused = refusals(self.outlook.state)
        for event in refused[self._told_refusals :]:
            self._tell(event.text)
        self._told_refusals = len(refused)
        metric = self.outlook.statement.metric
        for name, record in self.outlook.state.trials.items():
            if self._told.get(name) == record.status:
                continue
            self._told[name] = record.status
            value = last_value(record, metric)
            loss = "" if value is None or record.status == Status.RUNNING else f", {metric} {value:.4f}"
            reason = f" ({record.stop_reason})" if record.stop_reason else ""
            self._tell(
                f"{record.stage} {values_text(record.values)} seed {record.seed}: {record.status} at step {record.step}{loss}{reason}"
            )

    def _tell(self, line: str) -> None:
        elapsed = self.outlook.elapsed_seconds(datetime.now(UTC))
        self.console.print(f"[{clock(elapsed)}] {line}", markup=False, highlight=False, soft_wrap=True)


def _live(console: Console) -> Live:
    return Live(console=console, auto_refresh=False, transient=True)
