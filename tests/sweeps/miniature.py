"""A sweep in miniature: the real plan, conductor, rules and replay; a ledger in memory, and workers that only pretend to train."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from sweeps.runner.blueprint import Blueprint
from sweeps.runner.conductor import Conductor
from sweeps.runner.ledger import Ledger
from sweeps.runner.plan import Finished, Limits
from sweeps.runner.schedulers.registry import SCHEDULERS
from sweeps.runner.searchers.registry import build_searcher
from sweeps.runner.seeded import fraction
from trainable.spec.ledger import SweepState, apply, replay
from trainable.spec.status import Status

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Killed(Exception):
    """The driver is gone; whatever it had not written is lost."""


@dataclass(frozen=True)
class Fate:
    """What becomes of the trials of one learning rate: nothing special, diverged after a step, or out of memory above a micro-batch."""

    diverges_after: int | None = None
    memory_for: int | None = None


class MemoryLedger:
    """Appends to `lines`; dies when it has written `lives` more events, if that is given."""

    def __init__(self, lines: list[str], lives: int | None = None) -> None:
        self.lines, self.lives = lines, lives
        self.state = replay(json.loads(line) for line in lines)

    def append(self, event: str, **values: Any) -> Mapping[str, Any]:
        return self.write(event, **values)

    def sync(self) -> None:
        """Memory needs none."""

    def write(self, event: str, **values: Any) -> Mapping[str, Any]:
        if self.lives == 0:
            raise Killed
        self.lives = None if self.lives is None else self.lives - 1
        time = _EPOCH + timedelta(seconds=len(self.lines))
        entry = {"event": event, "time": time.isoformat(timespec="milliseconds"), **values}
        self.lines.append(json.dumps(entry, allow_nan=False))
        apply(self.state, entry)
        return entry


@dataclass
class Worker:
    """Evaluates where `Trainer` would, continues from `disk` (run directory to the newest checkpoint's step) and keeps it up to date."""

    assignment: dict[str, Any]
    fate: Fate
    disk: dict[str, int]
    max_steps: int
    interval: int
    resumed: bool = False

    def __post_init__(self) -> None:
        self.run_dir: str = self.assignment["run_dir"]
        self.trial: str = self.assignment["identity"]["trial"]
        self.step = self.disk.setdefault(self.run_dir, 0)
        self.resumed = self.step > 0
        self.history = [[step, self._metrics(step)] for step in range(self.interval, self.step, self.interval)]

    def advance(self) -> str:
        if self.resumed and self.step < self.max_steps:
            return self._told(Status.RUNNING)
        training = self.assignment["config"]["training"]
        if self.fate.memory_for is not None and (training["micro_batch_size"] or training["batch_size"]) > self.fate.memory_for:
            return self._told(Status.OUT_OF_MEMORY)
        target = min(self.step + self.interval, self.max_steps)
        if self.fate.diverges_after is not None and self.fate.diverges_after < target:
            return self._told(Status.DIVERGED)
        self.step = self.disk[self.run_dir] = target
        return self._told(Status.COMPLETED if self.step == self.max_steps else Status.RUNNING)

    def _told(self, status: Status) -> str:
        measured = status in (Status.RUNNING, Status.COMPLETED)
        reason = None if measured else str(status)
        metrics = self._metrics(self.step) if measured else {}
        told = {"step": self.step, "metrics": metrics, "status": str(status), "stop_reason": reason, "history": self.history}
        self.history, self.resumed = [], False
        return json.dumps(told)

    def _metrics(self, step: int) -> dict[str, float]:
        return {"eval/loss": 3.0 + fraction(self.trial) - 0.01 * step + 0.1 * fraction(self.trial, step)}


@dataclass
class Miniature:
    """What outlives a driver: the ledger's lines and the checkpoints; and a log of every start as (driver, trial, attempt)."""

    blueprint: Blueprint
    runs: Path
    fates: Mapping[float, Fate] = field(default_factory=dict)
    slots: int = 1
    lines: list[str] = field(default_factory=list)
    disk: dict[str, int] = field(default_factory=dict)
    starts: list[tuple[int, str, int]] = field(default_factory=list)
    drivers: int = 0

    def __post_init__(self) -> None:
        self.runs = self.runs / uuid4().hex

    @property
    def state(self) -> SweepState:
        return replay(json.loads(line) for line in self.lines)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    def rows(self) -> dict[str, tuple[str, int, int]]:
        """(status, steps trained, evaluations in the ledger) of every trial."""
        return {
            name: (record.status, self.disk.get(str(self.runs / record.run_id), 0), len(record.evaluations))
            for name, record in self.state.trials.items()
        }

    def drive(self, choices: Iterable[int] = (), lives: int | None = None, retry: Sequence[Status] = Limits().retry) -> Finished | None:
        """One driver, until nothing is missing (the plan's last word) or it is killed (None).

        `choices` say what happens next: whose turn it is, and whether its worker dies (odd ones of the top half).
        """
        ledger = MemoryLedger(self.lines, lives)
        self.drivers += 1
        try:
            return self._run(ledger, iter(choices), Limits(frozenset(retry)))
        except Killed:
            return None
        finally:
            assert replay(self.events) == ledger.state

    def _run(self, ledger: MemoryLedger, choices: Any, limits: Limits) -> Finished:
        ledger.append("driver_started", host="here", pid=self.drivers, command="", commit=None)
        settings = self.blueprint.settings
        searcher = build_searcher(self.blueprint.sweep.spaces[0], settings)
        rule = SCHEDULERS[settings.scheduler.name]()
        conductor = Conductor(self.blueprint, cast(Ledger, ledger), rule, searcher, self.runs, limits)
        workers: list[Worker] = []
        while True:
            while len(workers) < self.slots and isinstance(answer := conductor.next_trial(), dict):
                workers.append(self._start(answer, workers))
            if not workers:
                assert isinstance(answer, Finished), "the plan waits, but nothing runs"
                return answer
            choice = next(choices, 0)
            worker = workers[choice % len(workers)]
            if choice >= 50 and choice % 2:
                conductor.on_error(worker.trial, "the worker died")
                workers.remove(worker)
            elif conductor.on_result(worker.trial, worker.advance()):
                workers.remove(worker)

    def _start(self, assignment: dict[str, Any], running: list[Worker]) -> Worker:
        training = self.blueprint.base.training
        fate = self.fates.get(assignment["config"]["optimizer"]["lr"], Fate())
        worker = Worker(assignment, fate, self.disk, training.max_steps, training.eval_interval)
        assert worker.trial not in {other.trial for other in running}, "one trial, two workers"
        self.starts.append((self.drivers, worker.trial, assignment["identity"]["attempt"]))
        return worker
