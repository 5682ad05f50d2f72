"""Progress while a sweep runs: a live table on a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from sweeps.runner.blueprint import Blueprint
from sweeps.runner.price import expected_steps
from sweeps.runner.ranking import last_value
from sweeps.runner.view import clock, screen, values_text
from trainable.spec.ledger import SweepState
from trainable.spec.status import Status

_REFRESH_SECONDS = 0.5
_LINES_AROUND_TABLE = 8


class Surroundings(Protocol):
    """What a sweep runs in, in lines for a screen."""

    @property
    def hosts(self) -> list[str]: ...

    def lines(self) -> list[str]: ...


class Progress:
    """Shows the ledger's state; `beat` is called often and draws seldom."""

    def __init__(self, console: Console, blueprint: Blueprint, state: SweepState, surroundings: Surroundings | None = None) -> None:
        self.console, self.blueprint, self.state, self.surroundings = console, blueprint, state, surroundings
        self._told_nodes: list[str] = []
        self.started = time.monotonic()
        self._steps_at_start = _steps_done(state)
        self._drawn = 0.0
        self._told: dict[str, str] = {name: record.status for name, record in state.trials.items()}
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def __enter__(self) -> "Progress":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live:
            self._live.stop()
            self.console.print(self._screen(rows=max(20, self.console.height)))

    def beat(self) -> None:
        now = time.monotonic()
        if now - self._drawn < _REFRESH_SECONDS:
            return
        self._drawn = now
        if self._live:
            self._live.update(self._screen(rows=max(5, self.console.height - _LINES_AROUND_TABLE)), refresh=True)
        else:
            self._print_changes()

    @property
    def elapsed_seconds(self) -> float:
        return time.monotonic() - self.started

    def eta_seconds(self) -> float | None:
        """Remaining steps at the pace so far; None before there is a pace."""
        done = _steps_done(self.state) - self._steps_at_start
        if done <= 0:
            return None
        left = max(0, expected_steps(self.blueprint) - _steps_done(self.state))
        return self.elapsed_seconds / done * left

    def _screen(self, rows: int):  # type: ignore[no-untyped-def]
        shown = screen(self.blueprint, self.state, rows=rows, eta_seconds=self.eta_seconds(), elapsed_seconds=self.elapsed_seconds)
        around = self.surroundings.lines() if self.surroundings else []
        return Group(shown, *(Text(line, style="dim") for line in around)) if around else shown

    def _print_changes(self) -> None:
        """One line for each trial whose status changed, and one when nodes came or went."""
        if self.surroundings and self.surroundings.hosts != self._told_nodes:
            self._told_nodes = self.surroundings.hosts
            self.console.print(
                f"[{clock(self.elapsed_seconds)}] {self.surroundings.lines()[0]}", markup=False, highlight=False, soft_wrap=True
            )
        for name, record in self.state.trials.items():
            if self._told.get(name) == record.status:
                continue
            self._told[name] = record.status
            value = last_value(record, self.blueprint.metric)
            loss = "" if value is None or record.status == Status.RUNNING else f", {self.blueprint.metric} {value:.4f}"
            reason = f" ({record.stop_reason})" if record.stop_reason else ""
            what = f"{record.stage} {values_text(record.values)} seed {record.seed}: {record.status} at step {record.step}{loss}{reason}"
            self.console.print(f"[{clock(self.elapsed_seconds)}] {what}", markup=False, highlight=False, soft_wrap=True)


def _steps_done(state: SweepState) -> int:
    return sum(record.step for record in state.trials.values())
