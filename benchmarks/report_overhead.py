"""What a report costs: a few trials that evaluate thousands of times, by our runner, by stock Ray Tune, and by Optuna in one process."""

import argparse
from typing import Any

from benchmarks.benchmark import Benchmark, Outcome, Ratio
from benchmarks.idle_trials import Load, toll
from benchmarks.trial_overhead import FEWEST, RAY_REUSED
from trainable.spec.mistakes import WrongRequest

MOST_CPU_MS = 1.0
_FEWEST_EVALUATIONS = 2


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trials", type=int, default=FEWEST, help=f"at least {FEWEST}")
    parser.add_argument("--evaluations", type=int, default=5000, help="reports of each trial")
    parser.add_argument("--at-once", type=int, default=2)


def _run(given: argparse.Namespace) -> Outcome:
    least = {"trials": FEWEST, "evaluations": _FEWEST_EVALUATIONS}
    if wrong := [f"--{name} {getattr(given, name)}: at least {n} are needed" for name, n in least.items() if getattr(given, name) < n]:
        raise WrongRequest(wrong)
    load = Load(given.trials, given.evaluations, at_once=given.at_once)
    measured = {name: _each(toll(name, load)) for name in ("ours", "ray_reused", "optuna")}
    ours, reused, optuna = measured["ours"], measured["ray_reused"], measured["optuna"]
    cpu = ours["driver_cpu_ms_per_report"]
    ratios = {
        "driver's CPU time of a report": Ratio(reused["driver_cpu_ms_per_report"] / cpu, RAY_REUSED),
        "driver's CPU time of a report, bound": Ratio(MOST_CPU_MS / cpu, f"{MOST_CPU_MS:g} ms of the driver's CPU time", aim=1.0),
        "wall time of a report": Ratio(reused["ms_per_report"] / ours["ms_per_report"], RAY_REUSED),
        "wall time of a report, floor": Ratio(
            optuna["ms_per_report"] / ours["ms_per_report"], "Optuna in one process (the floor: no workers, no files)"
        ),
    }
    return Outcome(ratios, measured, {"trials": given.trials, "evaluations": given.evaluations, "at_once": given.at_once})


def _each(found: dict[str, Any]) -> dict[str, Any]:
    """With milliseconds for each report, of all trials together."""
    each = 1e3 / found["evaluations"]
    return {**found, "ms_per_report": found["wall_seconds"] * each, "driver_cpu_ms_per_report": found["cpu_seconds"] * each}


REPORT_OVERHEAD = Benchmark("what does a report cost the driver?", _run, _arguments)
