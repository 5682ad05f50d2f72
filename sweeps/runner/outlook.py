"""What a sweep is after, as a screen shows it: from ``sweep.json`` and the ledger, so that any terminal can show it."""

import os
import socket
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trainable.spec.ledger import SweepState
from trainable.spec.statement import Statement
from trainable.spec.status import Stage, Status

UNFINISHED = frozenset({Status.RUNNING, Status.PAUSED, Status.INTERRUPTED})


@dataclass(frozen=True)
class Outlook:
    """The statement of a sweep beside its state; every answer is None where the ledger does not tell it."""

    statement: Statement
    state: SweepState

    @property
    def baseline_cell(self) -> str | None:
        return self.statement.baseline_cell or self.state.baseline

    @property
    def stage(self) -> Stage:
        explores = self.statement.settings.get("explore", {}).get("enabled", True)
        return Stage.CONFIRM if self.state.finalists is not None or not explores else Stage.EXPLORE

    def planned(self, stage: Stage) -> int | None:
        """Trials of a stage that the sweep asks for: those that the driver expected, or what the chosen finalists come to."""
        if stage == Stage.CONFIRM and self.state.finalists is not None:
            cells = {*self.state.finalists, self.baseline_cell} - {None}
            return len(cells) * len(self.statement.seeds)
        return self.expected(f"{stage}_trials")

    def ended(self, stage: Stage) -> int:
        records = self.state.trials.values()
        return sum(record.stage == stage and record.status not in UNFINISHED for record in records)

    def elapsed_seconds(self, now: datetime) -> float:
        """Since the newest driver started; until its end, once it has ended."""
        if not self.state.drivers:
            return 0.0
        until = self.state.last_time if self.has_ended and self.state.last_time else now
        return max(0.0, (until - datetime.fromisoformat(self.state.drivers[-1]["time"])).total_seconds())

    @property
    def has_ended(self) -> bool:
        return self.state.has_ended

    @property
    def driver_lives(self) -> bool | None:
        return driver_lives(self.state)

    def budget(self, now: datetime) -> list[str]:
        """``12 of 40 trials`` and so on, for each budget that is set."""
        spent = self.spent(now)
        limits = self.limits
        return [f"{spent[name]:.3g} of {limits[name]:g} {name.replace('_', '-')}" for name in spent if limits.get(name) is not None]

    @property
    def limits(self) -> dict[str, Any]:
        """The budgets by name; None for one that is not set."""
        return dict(self.statement.settings.get("budget", {}))

    def spent(self, now: datetime) -> dict[str, float]:
        """What is used up of every kind of budget."""
        running = [r for r in self.state.trials.values() if r.status == Status.RUNNING and r.resumed]
        idle = 0.0 if self.has_ended or self.state.last_time is None else max(0.0, (now - self.state.last_time).total_seconds())
        busy = sum(max(0.0, (now - datetime.fromisoformat(record.resumed)).total_seconds()) for record in running if not self.has_ended)
        gpus = _gpus(self.statement.base_config.get("resources", {}).get("gpus_per_trial", 0))
        return {
            "trials": float(len(self.state.trials)),
            "minutes": (self.state.seconds + idle) / 60,
            "gpu_hours": (sum(record.busy_seconds for record in self.state.trials.values()) + busy) * gpus / 3600,
        }

    def expected(self, name: str) -> int | None:
        """What the newest driver expected to run: ``explore_trials``, ``confirm_trials``, ``steps``, ``tokens``."""
        planned = self.state.drivers[-1].get("planned") if self.state.drivers else None
        return planned.get(name) if isinstance(planned, dict) else None


def driver_lives(state: SweepState) -> bool | None:
    """Whether the newest driver's process is there; None where it is not of this host, or there was none."""
    if not state.drivers or state.drivers[-1]["host"] != socket.gethostname():
        return None
    try:
        os.kill(state.drivers[-1]["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _gpus(per_trial: Any) -> float:
    """A share that is still to be worked out counts as a whole one."""
    return 1.0 if isinstance(per_trial, str) else float(per_trial or 0)
