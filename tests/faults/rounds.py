"""One round: a sweep run again and again under faults until it is finished, and what became of it."""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.faults import disk
from tests.faults.damage import DAMAGES
from tests.faults.processes import Process, age_seconds, kill, marked, wait_until_gone
from tests.faults.workplace import Driver, Workplace, ledger_lines

_POLL_SECONDS = 0.02
_DRIVER_LIMIT_SECONDS = 200.0
_PROCESSES_LIMIT_SECONDS = 30.0
_MOST_DRIVERS = 12


@dataclass
class Round:
    """What happened; `story` is a line for each fault and each end of a driver."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)
    finished: bool = False
    left_behind: list[str] = field(default_factory=list)
    unpolite: list[str] = field(default_factory=list)
    slowest_end_seconds: float = 0.0
    agent_seconds: float = 0.0
    drivers: int = 0


@dataclass(frozen=True)
class Fault:
    """Strikes once the ledger has `lines` lines (None: whatever it has) and `delay_seconds` more have gone by."""

    kind: str
    lines: int | None
    delay_seconds: float


def _kill_one(choose: Callable[[Process], bool]) -> Callable[[Driver, Path, Random], bool]:
    def strike(driver: Driver, results: Path, random: Random) -> bool:
        found = [process for process in marked(driver.mark) if choose(process)]
        if found:
            kill(random.choice(found))
        return bool(found)

    return strike


def _signal(number: int, to_group: bool = False) -> Callable[[Driver, Path, Random], bool]:
    def strike(driver: Driver, results: Path, random: Random) -> bool:
        (os.killpg if to_group else os.kill)(driver.pid, number)
        return True

    return strike


def _fill(driver: Driver, results: Path, random: Random) -> bool:
    disk.fill(results, random.choice([0, 2_000, 100_000, 800_000]))
    return True


def _read_only(driver: Driver, results: Path, random: Random) -> bool:
    disk.read_only(results)
    return True


STRIKES: dict[str, Callable[[Driver, Path, Random], bool]] = {
    "driver_sigkill": _signal(signal.SIGKILL),
    "worker_sigkill": _kill_one(lambda process: process.is_worker),
    "raylet_sigkill": _kill_one(lambda process: process.is_raylet),
    "driver_sigint": _signal(signal.SIGINT),
    "ctrl_c": _signal(signal.SIGINT, to_group=True),
    "driver_sigterm": _signal(signal.SIGTERM),
    "disk_full": _fill,
    "read_only": _read_only,
}
ON_DISK = frozenset({"disk_full", "read_only"})
_WEIGHTS = {"driver_sigkill": 4, "worker_sigkill": 4, "raylet_sigkill": 1, "disk_full": 1, "read_only": 1}
# A driver that ends by these says so in a sentence.
_POLITE = frozenset({"driver_sigint", "ctrl_c", "driver_sigterm", "disk_full", "read_only", "raylet_sigkill"})
_POLITE_ENDS = (0, 1, 2, 130)
# What a driver prints once it is at work; before, the interpreter itself answers a signal.
STARTED = "Hypothesis."


class Rounds:
    """Runs rounds in a workplace; `lines` is the length of the undisturbed sweep's ledger, `more` are overrides of the sweep."""

    def __init__(self, workplace: Workplace, lines: int, kinds: frozenset[str], more: tuple[str, ...] = ()) -> None:
        self.workplace, self.lines, self.kinds, self.more = workplace, lines, sorted(kinds), more
        self._ended: list[str] = []
        self._agents: list[str] = []

    def run(self, seed: int, results: Path) -> Round:
        """Drivers with faults, then without, until one comes to the end of the sweep."""
        random, done = Random(seed), Round(seed)
        for number in range(_MOST_DRIVERS):
            faults = self._draw(random, results) if number < 2 or (number == 2 and random.random() < 0.5) else []
            code = self._drive(done, results, faults, random)
            if code == 0 and not faults:
                done.finished = True
                break
            # In a hurry the next driver starts while the workers of a killed one still live.
            if random.random() < 0.7:
                self._see_off(done)
                self._damage(done, results, random)
        self._see_off(done)
        self._end_agents(done)
        return done

    def _draw(self, random: Random, results: Path) -> list[Fault]:
        """One fault for the next driver or, seldom, two."""
        weights = [_WEIGHTS.get(kind, 1) for kind in self.kinds]
        kinds = random.choices(self.kinds, weights, k=2 if random.random() < 0.25 else 1)
        return sorted((self._place(kind, random, results) for kind in kinds), key=lambda fault: fault.lines or 0)

    def _place(self, kind: str, random: Random, results: Path) -> Fault:
        known = ledger_lines(results)
        if kind != "worker_sigkill" and random.random() < 0.15:
            return Fault(kind, None, random.uniform(0.0, 8.0))
        return Fault(kind, random.randint(known + 2, max(known + 3, self.lines)), random.uniform(0.0, 0.4))

    def _drive(self, done: Round, results: Path, faults: list[Fault], random: Random) -> int:
        done.drivers += 1
        driver = self.workplace.start(results, self.more)
        struck = self._strike_all(done, driver, results, faults, random)
        try:
            code = driver.process.wait(_DRIVER_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            done.unpolite.append(f"hung after {struck}: {driver.output()[-1500:]}")
            driver.process.kill()
            code = driver.process.wait()
        done.story.append(f"driver ended with {code} at ledger line {ledger_lines(results)}")
        self._judge_manners(done, driver, code, struck)
        if ON_DISK & set(struck):
            disk.writable(results)
            disk.free(results)
        self._ended.append(driver.mark)
        return code

    def _strike_all(self, done: Round, driver: Driver, results: Path, faults: list[Fault], random: Random) -> list[str]:
        struck = []
        for fault in faults:
            if not _wait_for(fault, driver, results):
                break
            place = f"ledger line {ledger_lines(results)}"
            if STRIKES[fault.kind](driver, results, random):
                done.faults[fault.kind] += 1
                struck.append(fault.kind)
                done.story.append(f"{fault.kind} at {place}, {fault.delay_seconds:.2f} s after its cue")
        return struck

    def _judge_manners(self, done: Round, driver: Driver, code: int, struck: list[str]) -> None:
        """No traceback ever, and a sentence for an end that the driver could see."""
        output = driver.output()
        if "Traceback (most recent call last)" in output and STARTED in output:
            done.unpolite.append(f"traceback after {struck}: {output[-1500:]}")
        if struck and set(struck) <= _POLITE and code not in _POLITE_ENDS and STARTED in output:
            done.unpolite.append(f"exit {code} after {struck}: {output[-300:]}")
        if not struck and code != 0:
            done.unpolite.append(f"exit {code} without a fault: {output[-1500:]}")

    def _see_off(self, done: Round) -> None:
        """Waits for the processes of ended drivers, and notes those that stay."""
        for mark in self._ended:
            seconds, left = wait_until_gone(mark, _PROCESSES_LIMIT_SECONDS)
            done.slowest_end_seconds = max(done.slowest_end_seconds, seconds)
            done.left_behind += [f"{process.pid} {process.command[:100]}" for process in left]
            for process in left:
                kill(process)
        self._agents += self._ended
        self._ended = []

    def _damage(self, done: Round, results: Path, random: Random) -> None:
        kind = random.choice(sorted(DAMAGES))
        if told := DAMAGES[kind](results, random):
            done.faults[kind] += 1
            done.story.append(f"{kind}: {told}")

    def _end_agents(self, done: Round) -> None:
        """Notes how old Ray's agents have become whose driver is gone, and ends them: they are ours."""
        for mark in self._agents:
            for process in marked(mark):
                done.agent_seconds = max(done.agent_seconds, age_seconds(process))
                kill(process)
        self._agents = []


def _wait_for(fault: Fault, driver: Driver, results: Path) -> bool:
    """Whether the fault's moment came while the driver lived."""
    deadline = time.monotonic() + _DRIVER_LIMIT_SECONDS
    while fault.lines is not None and ledger_lines(results) < fault.lines:
        if driver.process.poll() is not None or time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    time.sleep(fault.delay_seconds)
    return driver.process.poll() is None
