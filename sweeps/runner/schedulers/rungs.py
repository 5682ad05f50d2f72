"""Rungs in training steps, and what a trial is worth at one of them, whatever its reporting cadence."""

import math
from fractions import Fraction
from functools import lru_cache

from sweeps.runner.schedulers.rule import Curve, Race


def first_resource(race: Race) -> Fraction:
    """``grace_steps``; by default max_steps / reduction_factor^2, so that two rungs lie below the end."""
    if race.settings.grace_steps is not None:
        return Fraction(race.settings.grace_steps)
    return Fraction(race.max_steps) / Fraction(race.settings.reduction_factor) ** 2


def on_evaluation(steps: Fraction, race: Race) -> int:
    """The first evaluation at or after `steps`."""
    return _rounded_up(steps, race.eval_interval)


def _rounded_up(steps: Fraction, eval_interval: int) -> int:
    return max(1, math.ceil(steps / eval_interval)) * eval_interval


def geometric_levels(race: Race) -> list[int]:
    """grace * eta^k below max_steps, each rounded up to an evaluation; none twice, none at or after the end."""
    return list(_geometric(first_resource(race), Fraction(race.settings.reduction_factor), race.max_steps, race.eval_interval))


@lru_cache
def _geometric(resource: Fraction, eta: Fraction, max_steps: int, eval_interval: int) -> tuple[int, ...]:
    """Asked for at every report."""
    levels: list[int] = []
    if resource <= 0 or eta <= 1:
        raise ValueError(f"`grace_steps > 0` and `reduction_factor > 1` must hold, but got {float(resource):g} and {float(eta):g}")
    while resource < max_steps:
        level = _rounded_up(resource, eval_interval)
        if level < max_steps and level not in levels:
            levels.append(level)
        resource *= eta
    return tuple(levels)


def reached(curve: Curve, level: int) -> bool:
    """Whether the trial was evaluated at or after `level`."""
    return bool(curve.points) and curve.points[-1][0] >= level


def diverged(curve: Curve) -> bool:
    """Whether a value that is not finite was measured anywhere; a missing value is not one."""
    return any(value is not None and not math.isfinite(value) for _, value in curve.points)


def value_at(curve: Curve, level: int) -> float | None:
    """The last value measured at or before `level`; a later one never counts. None when there is none."""
    value = None
    for step, measured in curve.points:
        if step > level:
            break
        value = value if measured is None else measured
    return value


def cost_at(curve: Curve, level: int, race: Race) -> float | None:
    """The cost (lower is better) with which a trial holds the rung at `level`; None when it holds none.

    A trial holds a rung when it is alive, has reached it and has a value there. One that measured a value which is not
    finite, at whatever step, holds none: it would stand among the candidates of a place that it can no longer take.
    """
    if not curve.alive or not reached(curve, level) or diverged(curve):
        return None
    value = value_at(curve, level)
    return None if value is None else cost(value, race)


def cost(value: float, race: Race) -> float:
    """Lower is better; its own inverse."""
    return -value if race.higher_is_better else value
