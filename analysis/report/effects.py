"""What each swept key did: the trend over the explored trials at a step that all of them reached, with its interval."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import norm, spearmanr

from analysis.columns import CONFIG_PREFIX, Row
from analysis.study import order_of
from trainable.spec.ledger import SweepState
from trainable.spec.status import Stage, Status

# A rank correlation of fewer says nothing.
FEWEST_TRIALS = 4
_COMPARABLE = frozenset({Status.COMPLETED, Status.STOPPED_EARLY, Status.RUNNING, Status.PAUSED, Status.INTERRUPTED})


@dataclass(frozen=True)
class KeyEffect:
    """One key over `n` trials; `best` is the value of the best trial.

    `rho` is Spearman's rank correlation of the metric with the key's value, [low, high] its interval; None for keys that are no numbers
    and for too few trials. A key with its optimum inside of the range has a weak trend and may matter all the same.
    """

    key: str
    n: int
    best: Any
    rho: float | None = None
    low: float | None = None
    high: float | None = None


def at_common_step(rows: Sequence[Row], state: SweepState, metric: str) -> tuple[int, dict[str, float]]:
    """The last step that every comparable explored trial reached, and the metric there by trial; (0, {}) when there is none.

    Values at one step have had the same budget; those at the trials' ends have not. Diverged and failed trials are left out.
    """
    explored = [row for row in rows if row["stage"] == Stage.EXPLORE and row["status"] in _COMPARABLE]
    curves: dict[str, Mapping[int, float]] = {}
    for row in explored:
        record = state.trials.get(row["trial"])
        values = {step: told.get(metric) for step, told in record.evaluations.items()} if record else {}
        finite = {step: value for step, value in values.items() if isinstance(value, int | float) and math.isfinite(value)}
        if finite:
            curves[row["trial"]] = finite
    if not curves:
        return 0, {}
    shared = set.intersection(*(set(curve) for curve in curves.values()))
    step = max(shared, default=0)
    return step, {trial: curve[step] for trial, curve in curves.items()} if shared else {}


def key_effects(
    rows: Sequence[Row], values: Mapping[str, float], varied: Sequence[str], *, higher_is_better: bool, confidence: float
) -> list[KeyEffect]:
    """The effect of each key with more than one value; `values` are the metric by trial, all at one step."""
    known = [row for row in rows if row["trial"] in values]
    merits = [values[row["trial"]] for row in known]
    return [effect for key in varied if (effect := _effect(key, known, merits, higher_is_better, confidence)) is not None]


def _effect(key: str, rows: Sequence[Row], merits: Sequence[float], higher_is_better: bool, confidence: float) -> KeyEffect | None:
    levels = [row[CONFIG_PREFIX + key] for row in rows]
    if len({order_of(level) for level in levels}) < 2:
        return None
    best = (max if higher_is_better else min)(zip(merits, range(len(levels)), strict=True))[1]
    effect = KeyEffect(key, len(levels), levels[best])
    numeric = all(isinstance(level, int | float) and not isinstance(level, bool) for level in levels)
    if not numeric or len(levels) < FEWEST_TRIALS or len(set(merits)) < 2:
        return effect
    rho = float(spearmanr(levels, merits).statistic)
    low, high = spearman_interval(rho, len(levels), confidence)
    return KeyEffect(effect.key, effect.n, effect.best, rho, low, high)


def spearman_interval(rho: float, n: int, confidence: float) -> tuple[float, float]:
    """Fisher's z with the standard error sqrt((1 + rho^2 / 2) / (n - 3)) (Bonett and Wright, Psychometrika 65 (2000)).

    A perfect correlation has no such interval: [-1, 1] bounds are returned where z is infinite.
    """
    if abs(rho) >= 1 or n <= 3:
        return (-1.0, rho) if rho < 0 else (rho, 1.0)
    half = float(norm.ppf((1 + confidence) / 2)) * math.sqrt((1 + rho * rho / 2) / (n - 3))
    return math.tanh(math.atanh(rho) - half), math.tanh(math.atanh(rho) + half)
