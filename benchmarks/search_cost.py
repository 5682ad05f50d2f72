"""Tokens until the chosen configuration is within 1 % of a full grid's best: explore and confirm, stock Ray's ASHA, random search.

Nothing is simulated but time: the curves are those of real training (`benchmarks.recorded_curves`), and they are replayed through our
plan, rules, searcher and ledger without a Ray, and through the objects of Ray's own ASHA scheduler called directly. Each way is run
with growing numbers of trials from nothing, and pays for the smallest number that gets there. What a choice is worth is its mean loss
over the seeds of the confirmation, which no exploration uses.
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.benchmark import Benchmark, Outcome, Ratio
from benchmarks.recorded_curves import RecordedCurves
from benchmarks.replayed_search import Found, explore_and_confirm, full_length, ray_asha
from trainable.spec.mistakes import WrongRequest

SPACE: dict[str, list[Any]] = {
    "optimizer.lr": [3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0],
    "optimizer.weight_decay": [0.01, 0.1, 1.0],
    "schedule.warmup_steps": [0, 5, 20],
}
BASELINE = {"optimizer.lr": 3e-3, "optimizer.weight_decay": 0.1, "schedule.warmup_steps": 0}
LEAST, NEAR = 1 / 0.3, 1.01
_GRID_SEED, _CONFIRM_SEEDS, _BEST_OF_THE_GRID = 100, [11, 12, 13], 5
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
    _worth: dict[str, float] = field(default_factory=dict)

    def worth(self, values: dict[str, Any]) -> float:
        """Mean loss over the seeds of the confirmation; infinite when one of them diverged."""
        key = repr(sorted(values.items()))
        if key not in self._worth:
            ends = [self.curves.of(values, seed)[-1] for seed in _CONFIRM_SEEDS]
            self._worth[key] = sum(end if end is not None else float("inf") for end in ends) / len(ends)
        return self._worth[key]

    @property
    def cells(self) -> list[dict[str, Any]]:
        return [dict(zip(self.space, values, strict=True)) for values in product(*self.space.values())]


def _run(given: argparse.Namespace) -> Outcome:
    if given.steps < _EVALUATIONS or given.steps % _EVALUATIONS:
        raise WrongRequest([f"--steps {given.steps}: a multiple of {_EVALUATIONS} is needed"])
    ground = _ground(given)
    ranked = sorted(ground.cells, key=lambda cell: _or_infinite(ground.curves.of(cell, _GRID_SEED)[-1]))
    best = min(ground.worth(cell) for cell in ranked[:_BEST_OF_THE_GRID])
    searches = {name: [_until(way, ground, best, seed, given.trials) for seed in range(given.seeds)] for name, way in WAYS.items()}
    ground.curves.write()
    grid = float(len(ground.cells))
    return Outcome(
        _ratios(searches, grid),
        {"grid_full_runs": grid, "best_of_the_grid_loss": best, "searches": searches, "losses_of_the_grid": _losses(ground)},
        {"base": ground.curves.base, "space": ground.space, "seeds": given.seeds, "trials": given.trials},
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


WAYS: dict[str, Way] = {
    "explore_and_confirm": _ours,
    "ray_asha": lambda ground, trials, seed: ray_asha(ground.curves, ground.space, trials, seed),
    "ray_asha_confirmed": lambda ground, trials, seed: _confirmed(ground, ray_asha(ground.curves, ground.space, trials, seed)),
    "random": lambda ground, trials, seed: full_length(ground.curves, ground.space, trials, seed),
    "random_confirmed": lambda ground, trials, seed: _confirmed(ground, full_length(ground.curves, ground.space, trials, seed)),
}


def _confirmed(ground: _Ground, found: Found) -> Found:
    """With the confirmation that ours pays for: the two best cells and the baseline, on every seed."""
    candidates = [*found.best_cells[:2], BASELINE]
    runs = len({repr(sorted(cell.items())) for cell in candidates}) * len(_CONFIRM_SEEDS)
    return Found(min(candidates, key=ground.worth), found.full_runs + runs, found.best_cells)


def _ratios(searches: dict[str, list[dict[str, Any]]], grid: float) -> dict[str, Ratio]:
    costs = {name: [grid if s["full_runs"] is None else s["full_runs"] for s in found] for name, found in searches.items()}
    ours, missed = median(costs["explore_and_confirm"]), sum(s["full_runs"] is None for s in searches["explore_and_confirm"])
    reached = f"{len(costs['explore_and_confirm']) - missed} of {len(costs['explore_and_confirm'])} searches got there"
    against = {"ray_asha": "Ray's ASHA, random draws", "random": "random search at full length"}
    more = {f"{name}_confirmed": f"{text}, and the same confirmation" for name, text in against.items()}
    return {
        "tokens": Ratio(grid / ours, "the full grid", aim=LEAST, note=f"median; {reached}; a search that did not counts as the grid"),
        **{f"tokens, {name}": Ratio(median(costs[name]) / ours, text, aim=1.0) for name, text in {**against, **more}.items()},
    }


def _losses(ground: _Ground) -> list[dict[str, Any]]:
    return [{"values": cell, "eval_loss": ground.curves.of(cell, _GRID_SEED)[-1]} for cell in ground.cells]


def _or_infinite(loss: float | None) -> float:
    return float("inf") if loss is None else loss


SEARCH_COST = Benchmark("how many tokens does it take to find what a full grid would have found?", _run, _arguments)
