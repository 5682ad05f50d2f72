"""What a trial costs beside its training: no-op trials, two at once, by our runner, by stock Ray Tune, and by Optuna in one process."""

import argparse
from typing import Any

from benchmarks.benchmark import Benchmark, Outcome, Ratio
from benchmarks.idle_trials import Load, toll
from trainable.spec.mistakes import WrongRequest

LEAST, FLAT_KIB = 2.0, 50.0
FEWEST = 4
RAY_REUSED, RAY_FRESH = "stock Ray Tune with reused actors", "stock Ray Tune with a fresh actor for each trial"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trials", type=int, default=200, help=f"no-op trials of each contender, at least {FEWEST}")
    parser.add_argument("--fresh-trials", type=int, default=12, help="fewer where each trial takes seconds; 0: leave fresh actors out")
    parser.add_argument("--at-once", type=int, default=2)


def _run(given: argparse.Namespace) -> Outcome:
    if given.trials < FEWEST:
        raise WrongRequest([f"--trials {given.trials}: at least {FEWEST} are needed"])
    load = Load(given.trials, at_once=given.at_once)
    measured = {name: _each(toll(name, load)) for name in ("ours", "ray_reused", "optuna")}
    if given.fresh_trials:
        measured["ray_fresh"] = _each(toll("ray_fresh", Load(given.fresh_trials, at_once=given.at_once)))
    settings = {"trials": given.trials, "fresh_trials": given.fresh_trials, "at_once": given.at_once}
    return Outcome(_ratios(measured), measured, settings)


def _each(found: dict[str, Any]) -> dict[str, Any]:
    """With milliseconds for each trial, Ray's own start left out."""
    each = 1e3 / found["trials"]
    return {**found, "ms_per_trial": found["wall_seconds"] * each, "driver_cpu_ms_per_trial": found["cpu_seconds"] * each}


def _ratios(measured: dict[str, dict[str, Any]]) -> dict[str, Ratio]:
    ours, reused, fresh = measured["ours"], measured["ray_reused"], measured.get("ray_fresh")
    wall, cpu, growth = ours["ms_per_trial"], ours["driver_cpu_ms_per_trial"], ours["growth_kib"]
    floor = "Optuna in one process (the floor: no workers, no files)"
    return {
        "wall time of a trial": Ratio(reused["ms_per_trial"] / wall, RAY_REUSED, aim=LEAST),
        "driver's CPU time of a trial": Ratio(reused["driver_cpu_ms_per_trial"] / cpu, RAY_REUSED),
        "wall time of a trial, fresh actors": Ratio(
            fresh["ms_per_trial"] / wall if fresh else None, RAY_FRESH, note="" if fresh else "--fresh-trials 0"
        ),
        "wall time of a trial, floor": Ratio(measured["optuna"]["ms_per_trial"] / wall, floor),
        "driver's memory of a trial": Ratio(
            FLAT_KIB / growth if growth and growth > 0 else None,
            f"{FLAT_KIB:g} KiB for a finished trial",
            aim=1.0,
            note="" if growth and growth > 0 else f"growth of {growth} KiB",
        ),
    }


TRIAL_OVERHEAD = Benchmark("what does a trial cost beside its training?", _run, _arguments)
