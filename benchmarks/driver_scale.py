"""How far one driver goes: the CPU time and the memory that sweeps of growing size take of it, each in a process of its own."""

import argparse
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.benchmark import Benchmark, Outcome, Ratio
from benchmarks.simulated_driver import EVALUATIONS, Case, carry_out, conductor_of
from trainable.spec.mistakes import WrongRequest, unknown

_CASES = """100x16 1000x100 10000x500 2000x200:hyperband 2000x200:median 100x16:asha:optuna-tpe 300x30:asha:optuna-tpe
    1000x100:asha:optuna-tpe 1000x100:fifo:optuna-cmaes 100x16:fifo:optuna-gp""".split()
_SYNTAX = "TRIALSxWORKERS[:SCHEDULER[:SEARCHER]]"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cases", nargs="+", default=_CASES, metavar=_SYNTAX, help="without more, asha and random; default: %(default)s")
    parser.add_argument("--seconds", type=float, default=120.0, help="CPU seconds after which a case is broken off, and says so")


def _run(given: argparse.Namespace) -> Outcome:
    cases = {text: _case(text) for text in given.cases}
    # What memory a process has had at most is never less than before.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as alone:
        measured = {text: alone.submit(_measure, case, given.seconds).result() for text, case in cases.items()}
    return Outcome(_ratios(cases, measured), measured, {"cases": list(cases), "evaluations_per_trial": EVALUATIONS})


def _case(text: str) -> Case:
    from sweeps.runner.schedulers.registry import SCHEDULERS
    from sweeps.runner.searchers.registry import SEARCHERS

    size, *names = text.split(":")
    trials, _, workers = size.partition("x")
    if not (trials.isdecimal() and workers.isdecimal() and int(trials) and int(workers)) or len(names) > 2:
        raise WrongRequest([f"--cases {text}: a case is {_SYNTAX}, such as 1000x100 or 1000x100:asha:optuna-tpe"])
    scheduler, searcher = [*names, *["asha", "random"][len(names) :]]
    mistakes = [unknown("scheduler", scheduler, SCHEDULERS)] if scheduler not in SCHEDULERS else []
    mistakes += [unknown("searcher", searcher, SEARCHERS)] if searcher not in SEARCHERS else []
    if mistakes:
        raise WrongRequest(mistakes)
    return Case(int(trials), int(workers), scheduler, searcher)


def _ratios(cases: dict[str, Case], measured: dict[str, dict[str, Any]]) -> dict[str, Ratio]:
    """Of each scheduler and searcher: its largest case beside its smallest, and beside a millisecond for an evaluation."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for text, case in sorted(cases.items(), key=lambda item: item[1].trials):
        kinds.setdefault((case.scheduler, case.searcher), []).append(text)
    ratios: dict[str, Ratio] = {}
    for kind, texts in kinds.items():
        small, large = texts[0], texts[-1]
        rate, name = measured[large]["evaluations_per_cpu_second"], ", ".join(kind)
        ratios[f"{name}: CPU time of an evaluation, {large}"] = Ratio(rate / 1000, "1 ms", aim=1.0)
        if small != large:
            growth = rate / measured[small]["evaluations_per_cpu_second"]
            ratios[f"{name}: evaluations per CPU second, {large}"] = Ratio(growth, small, note="1.0: the same in a sweep of any size")
    return ratios


def _measure(case: Case, limit_seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        conductor, begin = conductor_of(case, Path(scratch)), time.monotonic()
        windows = carry_out(conductor, case, limit_seconds)
        wall_seconds = time.monotonic() - begin
        conductor.ledger.close()
        ledger_bytes = (Path(scratch) / "sweep" / "ledger.jsonl").stat().st_size
        peak_memory_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        return {
            **_summary(windows, conductor, ledger_bytes),
            "wall_seconds": wall_seconds,
            "peak_memory_gb": peak_memory_gb,
            "replay_cpu_seconds": _replay(Path(scratch)),
        }


def _summary(windows: list[tuple[int, float]], conductor: Any, ledger_bytes: int) -> dict[str, Any]:
    evaluations, seconds = windows[-1]
    return {
        "finished": conductor.finished is not None,
        "trials": len(conductor.ledger.state.trials),
        "evaluations": evaluations,
        "cpu_seconds": seconds,
        "evaluations_per_cpu_second": evaluations / seconds,
        "evaluations_per_cpu_second_in_the_first_half": _rate(windows[0], windows[len(windows) // 2]),
        "evaluations_per_cpu_second_in_the_second_half": _rate(windows[len(windows) // 2], windows[-1]),
        "ledger_bytes_per_evaluation": ledger_bytes / evaluations,
        "ledger_mb": ledger_bytes / 1e6,
    }


def _rate(earlier: tuple[int, float], later: tuple[int, float]) -> float | None:
    return (later[0] - earlier[0]) / (later[1] - earlier[1]) if later[1] > earlier[1] else None


def _replay(folder: Path) -> float:
    from trainable.spec.ledger import read_events, replay

    begin = time.process_time()
    replay(read_events(folder / "sweep" / "ledger.jsonl")[0])
    return time.process_time() - begin


DRIVER_SCALE = Benchmark("how many trials and workers does one driver carry?", _run, _arguments)
