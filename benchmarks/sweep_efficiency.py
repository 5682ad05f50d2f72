"""Seconds of training over seconds of slots: what share of its machines a sweep keeps at work, by our runner and by stock Ray Tune.

The trials sleep in place of training, so that the pure training time is known and a busy machine does not stretch it.
"""

import argparse
from typing import Any

from benchmarks.benchmark import Benchmark, Outcome, Ratio
from benchmarks.idle_trials import Load, toll
from benchmarks.trial_overhead import FEWEST, RAY_REUSED
from trainable.spec.mistakes import WrongRequest

AIMS = {10.0: 0.85, 60.0: 0.95}
_EVALUATIONS = 10


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cases", nargs="+", default=["20x10", "8x60"], metavar="TRIALSxSECONDS", help="how many trials of what length")
    parser.add_argument("--slots", type=int, default=2, help="trials at once")


def _run(given: argparse.Namespace) -> Outcome:
    ratios: dict[str, Ratio] = {}
    measured: dict[str, Any] = {}
    for text, (trials, seconds) in {text: _case(text) for text in given.cases}.items():
        load = Load(trials, _EVALUATIONS, seconds, given.slots)
        found = {name: _shares(toll(name, load), load) for name in ("ours", "ray_reused")}
        measured[text] = found
        ratios |= _ratios(found, load)
    return Outcome(ratios, measured, {"slots": given.slots, "evaluations_per_trial": _EVALUATIONS})


def _case(text: str) -> tuple[int, float]:
    trials, _, seconds = text.partition("x")
    try:
        case = int(trials), float(seconds)
    except ValueError:
        case = 0, 0.0
    if case[0] < FEWEST or case[1] <= 0:
        raise WrongRequest([f"--cases {text}: a case is TRIALSxSECONDS with at least {FEWEST} trials, such as 20x10"])
    return case


def _shares(found: dict[str, Any], load: Load) -> dict[str, Any]:
    """With the efficiency of Ray's start and all trials, and of the whole process; what was stopped early counts as far as it came."""
    pure = found["evaluations"] / _EVALUATIONS * load.seconds
    begun = found["start_seconds"] + found["wall_seconds"]
    return {
        **found,
        "training_seconds": pure,
        "efficiency": pure / (load.at_once * begun),
        "efficiency_of_the_process": pure / (load.at_once * found["process_seconds"]),
        "efficiency_without_rays_start": pure / (load.at_once * found["wall_seconds"]),
    }


def _ratios(found: dict[str, dict[str, Any]], load: Load) -> dict[str, Ratio]:
    ours, reused, name = found["ours"], found["ray_reused"], f"{load.trials} trials of {load.seconds:g} s"
    return {
        f"{name}, share of the slots' time": Ratio(ours["efficiency"], "training alone", aim=AIMS.get(load.seconds)),
        f"{name}, beside stock Tune": Ratio(ours["efficiency"] / reused["efficiency"], RAY_REUSED),
    }


SWEEP_EFFICIENCY = Benchmark("what share of its slots' time does a sweep train?", _run, _arguments)
