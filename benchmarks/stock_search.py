"""Searches over recorded curves as Ray's users run them: its own ASHA scheduler and Optuna searcher called directly, and random search.

A choice is that of `ResultGrid.get_best_result`: the best last loss, of one seed.
"""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from benchmarks.recorded_curves import RecordedCurves
from benchmarks.replayed_search import AT_ONCE, Found, Space

Values = dict[str, Any]


class Draws:
    """Random values for each trial; with `distinct`, none twice, as one who knows the grid would draw them."""

    def __init__(self, space: Space, seed: int, *, distinct: bool = False) -> None:
        self._space, self._draw = space, np.random.default_rng(seed)
        cells = [dict(zip(space, values, strict=True)) for values in product(*space.values())] if distinct else []
        self._left = [cells[number] for number in self._draw.permutation(len(cells))]
        self._distinct = distinct

    def suggest(self, trial: str) -> Values | None:
        """None: there are no more."""
        del trial
        if self._distinct:
            return self._left.pop() if self._left else None
        return {key: values[int(self._draw.integers(len(values)))] for key, values in self._space.items()}

    def on_trial_result(self, trial: str, result: dict[str, Any]) -> None:
        """Random draws learn nothing."""

    def on_trial_complete(self, trial: str, result: dict[str, Any]) -> None:
        """Random draws learn nothing."""


def optuna_draws(space: Space, seed: int) -> Any:
    """Ray's own `OptunaSearch` (TPE), told of every result as Tune tells it."""
    import optuna
    from ray.tune.search.optuna import OptunaSearch

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        choices = {key: optuna.distributions.CategoricalDistribution(values) for key, values in space.items()}
        return OptunaSearch(choices, metric="loss", mode="min", seed=seed)
    finally:
        optuna.logging.set_verbosity(before)


@dataclass
class _Stub:
    """What Ray's scheduler asks of a trial."""

    trial_id: str
    values: Values
    told: int = 0
    last: float = math.nan


def ray_asha(curves: RecordedCurves, draws: Any, trials: int, seed: int) -> Found:
    """Ray's `ASHAScheduler`, `AT_ONCE` trials at a time, with the values of `draws` (`Draws` or a searcher of Ray's)."""
    from ray.tune.schedulers import ASHAScheduler, TrialScheduler

    length = curves.evaluations
    scheduler = ASHAScheduler("training_iteration", "loss", "min", max_t=length, grace_period=1, reduction_factor=3)
    begun: list[_Stub] = []
    at_work: list[_Stub] = []
    is_open = True
    while is_open or at_work:
        while is_open and len(at_work) < AT_ONCE:
            values = draws.suggest(str(len(begun))) if len(begun) < trials else None
            is_open = values is not None
            if values is not None:
                begun.append(_Stub(str(len(begun)), values))
                at_work.append(begun[-1])
                scheduler.on_trial_add(None, begun[-1])
        still = []
        for trial in at_work:
            result = _advance(trial, curves, seed)
            with _quiet():
                goes_on = trial.told < length and scheduler.on_trial_result(None, trial, result) != TrialScheduler.STOP
            (draws.on_trial_result if goes_on else draws.on_trial_complete)(trial.trial_id, result)
            still += [trial] if goes_on else []
        at_work = still
    return _best(begun, sum(trial.told for trial in begun) / length)


def _advance(trial: _Stub, curves: RecordedCurves, seed: int) -> dict[str, Any]:
    loss = curves.of(trial.values, seed)[trial.told]
    trial.told, trial.last = trial.told + 1, math.nan if loss is None else loss
    return {"training_iteration": trial.told, "loss": trial.last}


@contextmanager
def _quiet() -> Iterator[None]:
    """NumPy warns of a rung that holds nothing but NaN."""
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        yield


def full_length(curves: RecordedCurves, draws: Draws, trials: int, seed: int) -> Found:
    """Random search: every draw is trained to its end."""
    drawn = [values for number in range(trials) if (values := draws.suggest(str(number))) is not None]
    ends = [curves.of(values, seed)[-1] for values in drawn]
    stubs = [_Stub("", values, 1, math.nan if end is None else end) for values, end in zip(drawn, ends, strict=True)]
    return _best(stubs, float(len(drawn)))


def _best(trials: list[_Stub], full_runs: float) -> Found:
    finite = (trial for trial in trials if math.isfinite(trial.last))
    ranked = [trial.values for trial in sorted(finite, key=lambda trial: trial.last)]
    ranked = [cell for place, cell in enumerate(ranked) if cell not in ranked[:place]]
    return Found(ranked[0] if ranked else None, full_runs, ranked)
