"""Tokens until the chosen configuration is within 1 % of the grid's best: explore and confirm, Ray's ASHA, random search.

Nothing is simulated but time: the curves are those of real training (`benchmarks.recorded_curves`), and they are replayed through our
plan, rules, searcher and ledger without a Ray, and through the objects of Ray's own ASHA scheduler and Optuna searcher called directly.
Each way is run with growing numbers of trials from nothing, and pays for the smallest number that gets there. What a choice is worth is
its mean loss over seeds that neither exploration nor confirmation uses; the grid's best is the best of all its cells by that measure.
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from math import isfinite
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.benchmark import Benchmark, Outcome, Ratio
from benchmarks.recorded_curves import RecordedCurves
from benchmarks.replayed_search import Found, explore_and_confirm
from benchmarks.stock_search import Draws, full_length, optuna_draws, ray_asha
from trainable.spec.mistakes import WrongRequest

SPACE: dict[str, list[Any]] = {
    "optimizer.lr": [3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0],
    "optimizer.weight_decay": [0.01, 0.1, 1.0],
    "schedule.warmup_steps": [0, 5, 20],
}
BASELINE = {"optimizer.lr": 3e-3, "optimizer.weight_decay": 0.1, "schedule.warmup_steps": 0}
LEAST, NEAR = 1 / 0.3, 1.01
_CONFIRM_SEEDS, _JUDGE_SEEDS = [11, 12, 13], [21, 22, 23, 24, 25]
_SEEDS = {"seeds_of_the_confirmation": _CONFIRM_SEEDS, "seeds_of_the_judgement": _JUDGE_SEEDS}
_EVALUATIONS = 9


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="micro", help="preset of the model")
    parser.add_argument("--steps", type=int, default=81, help=f"steps of a full run, a multiple of {_EVALUATIONS}")
    parser.add_argument("--values", type=int, default=8, help="how many values of each key, at most")
    parser.add_argument("--seeds", type=int, default=5, help="how many searches of each kind; medians count")
    parser.add_argument("--trials", type=int, nargs="+", default=[4, 8, 12, 16, 24, 32, 48, 64], metavar="N", help="sizes that are tried")
    parser.add_argument("--curves", type=Path, default=Path("data/search_cost_curves.json"), help="where trained curves are kept")
    parser.add_argument("overrides", nargs="*", help="of the runs, such as training.batch_size=4")


@dataclass
class _Ground:
    """What all ways share: the space, its curves, and what a cell is worth. Tokens are counted in full runs."""

    space: dict[str, list[Any]]
    curves: RecordedCurves

    def worth(self, values: dict[str, Any]) -> float:
        return self.mean(values, _JUDGE_SEEDS)

    def mean(self, values: dict[str, Any], seeds: list[int]) -> float:
        """Mean final loss over seeds; infinite when one of them diverged."""
        ends = [self.curves.of(values, seed)[-1] for seed in seeds]
        return sum(end if end is not None else float("inf") for end in ends) / len(ends)

    @property
    def cells(self) -> list[dict[str, Any]]:
        return [dict(zip(self.space, values, strict=True)) for values in product(*self.space.values())]


def _run(given: argparse.Namespace) -> Outcome:
    if given.steps < _EVALUATIONS or given.steps % _EVALUATIONS:
        raise WrongRequest([f"--steps {given.steps}: a multiple of {_EVALUATIONS} is needed"])
    ground = _ground(given)
    best = min(ground.worth(cell) for cell in ground.cells)
    searches = {name: [_until(way, ground, best, seed, given.trials) for seed in range(given.seeds)] for name, way in WAYS.items()}
    ground.curves.write()
    grid = float(len(ground.cells))
    return Outcome(
        _ratios(searches, grid),
        {"grid_full_runs": grid, "best_of_the_grid_loss": best, "searches": searches, "losses_of_the_grid": _losses(ground)},
        {"base": ground.curves.base, "space": ground.space, "seeds": given.seeds, "trials": given.trials, **_SEEDS},
    )


def _ground(given: argparse.Namespace) -> _Ground:
    base = [f"model={given.model}", f"training.max_steps={given.steps}", f"training.eval_interval={given.steps // _EVALUATIONS}"]
    base += ["training.eval_batches=4", "training.num_threads=1", "training.device=cpu", "schedule=cosine", *given.overrides]
    space = {key: values[: given.values] for key, values in SPACE.items()}
    return _Ground(space, RecordedCurves(base, given.curves))


def _until(way: "Way", ground: _Ground, best: float, seed: int, sizes: list[int]) -> dict[str, Any]:
    """The cost in full runs of the smallest search that chose a cell within 1 % of `best`; None when none did."""
    for trials in sizes:
        found = way(ground, trials, seed)
        worth = ground.worth(found.values) if found.values else float("inf")
        if worth <= NEAR * best:
            return {"seed": seed, "trials": trials, "full_runs": found.full_runs, "loss": worth}
    return {"seed": seed, "trials": sizes[-1], "full_runs": None, "loss": None}


Way = Callable[[_Ground, int, int], Found]


def _ours(ground: _Ground, trials: int, seed: int) -> Found:
    with tempfile.TemporaryDirectory() as scratch:
        return explore_and_confirm(ground.curves, ground.space, BASELINE, trials, seed, _CONFIRM_SEEDS, Path(scratch))


_STOCK: dict[str, tuple[Way, str]] = {
    "ray_asha": (lambda g, trials, seed: ray_asha(g.curves, Draws(g.space, seed), trials, seed), "Ray's ASHA, random draws"),
    "ray_asha_distinct": (
        lambda g, trials, seed: ray_asha(g.curves, Draws(g.space, seed, distinct=True), trials, seed),
        "Ray's ASHA, random draws, none twice",
    ),
    "ray_asha_optuna": (
        lambda g, trials, seed: ray_asha(g.curves, optuna_draws(g.space, seed), trials, seed),
        "Ray's ASHA and OptunaSearch",
    ),
    "random": (lambda g, trials, seed: full_length(g.curves, Draws(g.space, seed), trials, seed), "random search at full length"),
    "random_distinct": (
        lambda g, trials, seed: full_length(g.curves, Draws(g.space, seed, distinct=True), trials, seed),
        "random search at full length, nothing twice",
    ),
}


def _confirmed(way: Way) -> Way:
    """With the confirmation that ours pays for: the two best cells and the baseline, on every seed."""

    def search(ground: _Ground, trials: int, seed: int) -> Found:
        found = way(ground, trials, seed)
        candidates = [*found.best_cells[:2], BASELINE]
        runs = len({repr(sorted(cell.items())) for cell in candidates}) * len(_CONFIRM_SEEDS)
        chosen = min(candidates, key=lambda cell: ground.mean(cell, _CONFIRM_SEEDS))
        return Found(chosen, found.full_runs + runs, found.best_cells)

    return search


_OURS = "explore_and_confirm"
WAYS: dict[str, Way] = {
    _OURS: _ours,
    **{name: way for name, (way, _) in _STOCK.items()},
    **{f"{name}_confirmed": _confirmed(way) for name, (way, _) in _STOCK.items()},
}


def _ratios(searches: dict[str, list[dict[str, Any]]], grid: float) -> dict[str, Ratio]:
    costs = {name: median(grid if s["full_runs"] is None else s["full_runs"] for s in found) for name, found in searches.items()}
    ours, against = costs[_OURS], {name: text for name, (_, text) in _STOCK.items()}
    against |= {f"{name}_confirmed": f"{text}, and the same confirmation" for name, text in against.items()}
    return {
        "tokens": Ratio(
            grid / ours, "the full grid", aim=LEAST, note=f"medians; {_reached(searches[_OURS])}; one that did not counts as the grid"
        ),
        **{f"tokens, {n}": Ratio(costs[n] / ours, text, aim=1.0, note=_reached(searches[n])) for n, text in against.items()},
    }


def _reached(found: list[dict[str, Any]]) -> str:
    return f"{sum(search['full_runs'] is not None for search in found)} of {len(found)} searches got there"


def _losses(ground: _Ground) -> list[dict[str, Any]]:
    worths = [(cell, ground.worth(cell)) for cell in ground.cells]
    return [{"values": cell, "eval_loss": worth if isfinite(worth) else None} for cell, worth in worths]


SEARCH_COST = Benchmark("how many tokens does it take to find what a full grid would have found?", _run, _arguments)
