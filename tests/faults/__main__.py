"""The long form of the fault harness: ``python -m tests.faults --rounds N [--seed S] [--kinds a,b] [--keep] [overrides]``."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tests.faults import disk
from tests.faults.outcome import Difference, Outcome, difference, early_difference, read_outcome
from tests.faults.rounds import ON_DISK, STRIKES, Round, Rounds
from tests.faults.workplace import Workplace, ledger_lines

# Every cell that early stopping may take to the confirmation, each trial to its end.
_TO_THE_END = ("scheduler=fifo", "confirm.finalists=3")


class Report:
    """Adds the rounds up."""

    def __init__(self) -> None:
        self.rounds = self.unfinished = self.drivers = 0
        self.faults: Counter[str] = Counter()
        self.differences: Counter[str] = Counter()
        self.left_behind: list[str] = []
        self.unpolite: list[str] = []
        self.slowest_end_seconds = self.agent_seconds = 0.0

    def add(self, done: Round, found: Difference | None) -> None:
        self.rounds += 1
        self.drivers += done.drivers
        self.unfinished += not done.finished
        self.faults += done.faults
        self.differences += Counter({name: len(sentences) for name, sentences in vars(found or Difference()).items()})
        self.left_behind += done.left_behind
        self.unpolite += done.unpolite
        self.slowest_end_seconds = max(self.slowest_end_seconds, done.slowest_end_seconds)
        self.agent_seconds = max(self.agent_seconds, done.agent_seconds)

    @property
    def is_clean(self) -> bool:
        return not (self.unfinished or self.differences.total() or self.left_behind or self.unpolite)

    def lines(self) -> list[str]:
        injected = ", ".join(f"{kind} {count}" for kind, count in sorted(self.faults.items()))
        named = {"lost": "rows lost", "doubled": "rows doubled", "bits": "bits different", "statuses": "statuses different"}
        counts = ", ".join(f"{words} {self.differences[name]}" for name, words in named.items())
        return [
            f"{self.rounds} rounds, {self.drivers} drivers, {self.unfinished} rounds not finished",
            f"faults injected: {self.faults.total()} ({injected})",
            f"{counts}, witnesses that disagree {self.differences['notes']}",
            f"processes left behind {len(self.left_behind)}; the slowest sweep was gone {self.slowest_end_seconds:.1f} s after its driver",
            f"Ray's agents of ended drivers were seen up to {self.agent_seconds:.0f} s old",
            f"tracebacks, hangs and wrong exit codes: {len(self.unpolite)}",
        ]


def run_rounds(workplace: Workplace, rounds: int, seed: int, kinds: frozenset[str], more: Sequence[str] = ()) -> Report:
    """The undisturbed sweep, then `rounds` disturbed ones compared with it; tells of each as it ends."""
    stops_early = any(text.startswith("scheduler=") and text != "scheduler=fifo" for text in more)
    compare = early_difference if stops_early else difference
    undisturbed, lines = _undisturbed(workplace, [*more, *(_TO_THE_END if stops_early else ())])
    runner, report = Rounds(workplace, lines, kinds, tuple(more)), Report()
    for number in range(seed, seed + rounds):
        results = workplace.results(f"r{number}")
        started = time.monotonic()
        try:
            done, found = _round(runner, number, results, partial(compare, undisturbed))
        except KeyboardInterrupt:
            print(f"interrupted in round {number}, which does not count", flush=True)
            break
        report.add(done, found)
        words = "finished" if done.finished else "NOT FINISHED"
        print(f"round {number}: {words} in {time.monotonic() - started:.0f} s, {dict(done.faults)}", flush=True)
        for line in [*done.story, *done.left_behind, *done.unpolite] if not _is_clean(done, found) else []:
            print(f"    {line}", flush=True)
        for name, sentences in vars(found or Difference()).items():
            for sentence in sentences[:5]:
                print(f"    {name}: {sentence}", flush=True)
    return report


def _undisturbed(workplace: Workplace, more: Sequence[str]) -> tuple[Outcome, int]:
    results = workplace.results("undisturbed")
    code, output = workplace.run(results, more)
    if code != 0:
        raise RuntimeError(f"the undisturbed sweep ended with {code}:\n{output}")
    return read_outcome(results), ledger_lines(results)


def _round(runner: Rounds, seed: int, results: Path, compare: Callable[[Outcome], Difference]) -> tuple[Round, Difference | None]:
    """On a disk of its own when that can fill up; the outcome is read before the disk is gone."""
    if not ON_DISK & set(runner.kinds):
        done = runner.run(seed, results)
        return done, compare(read_outcome(results)) if done.finished else None
    with disk.small_disk(results):
        done = runner.run(seed, results)
        return done, compare(read_outcome(results)) if done.finished else None


def _is_clean(done: Round, found: Difference | None) -> bool:
    return done.finished and not found and not done.left_behind and not done.unpolite


def possible_kinds(workplace: Workplace) -> frozenset[str]:
    """All kinds of faults that can be injected here; says which cannot."""
    refused = disk.mount_refused(workplace.folder / "disk")
    if refused:
        print(f"left out: {', '.join(sorted(ON_DISK))}, because nothing can be mounted here ({refused})")
    return frozenset(STRIKES) - (ON_DISK if refused else frozenset())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("overrides", nargs="*", help="of the sweep, such as scheduler=fifo")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the first round; each later one has the next")
    parser.add_argument("--kinds", help="kinds of faults: " + ",".join(STRIKES))
    parser.add_argument("--keep", action="store_true", help="leave the folder with all results and logs")
    given = parser.parse_args()
    workplace = Workplace()
    try:
        kinds = frozenset(given.kinds.split(",")) if given.kinds else possible_kinds(workplace)
        report = run_rounds(workplace, given.rounds, given.seed, kinds, given.overrides)
    finally:
        if given.keep:
            print(f"kept: {workplace.folder}")
        else:
            workplace.close()
    print("\n".join(report.lines()))
    return 0 if report.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
