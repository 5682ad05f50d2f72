"""Intervals and tests on a handful of seeds. Pure: numbers in, numbers out.

Student's t throughout: W. S. Gosset ("Student"), The probable error of a mean, Biometrika 6 (1908).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import fmean, stdev

from scipy.special import stdtr, stdtrit


@dataclass(frozen=True)
class Interval:
    """A mean of `n` values with its two-sided confidence interval [low, high]; `std` is the sample standard deviation."""

    estimate: float
    low: float
    high: float
    std: float
    n: int


@dataclass(frozen=True)
class Welch:
    """Difference of two means with unequal variances: interval, degrees of freedom and two-sided p value."""

    difference: float
    low: float
    high: float
    degrees_of_freedom: float
    p_value: float


def t_quantile(confidence: float, degrees_of_freedom: float) -> float:
    """The t that bounds the middle `confidence` of Student's distribution: t_(1 - (1 - confidence) / 2, df)."""
    return float(stdtrit(degrees_of_freedom, (1 + confidence) / 2))


def mean_interval(values: Sequence[float], confidence: float) -> Interval | None:
    """mean +- t * s / sqrt(n); None for fewer than two values."""
    n = len(values)
    if n < 2:
        return None
    mean, std = fmean(values), stdev(values)
    half = t_quantile(confidence, n - 1) * std / sqrt(n)
    return Interval(mean, mean - half, mean + half, std, n)


def relative_differences(cell: Mapping[int, float], baseline: Mapping[int, float], *, higher_is_better: bool = False) -> dict[int, float]:
    """(cell - baseline) / |baseline| for each seed that both have, negated where higher is better: below 0 is better than the baseline.

    Seeds whose baseline is 0 have no relative difference and are left out.
    """
    sign = -1.0 if higher_is_better else 1.0
    shared = [seed for seed in sorted(cell) if baseline.get(seed, 0.0) != 0.0]
    return {seed: sign * (cell[seed] - baseline[seed]) / abs(baseline[seed]) for seed in shared}


def welch(first: Sequence[float], second: Sequence[float], confidence: float) -> Welch | None:
    """mean(first) - mean(second) with Welch's interval and test; None when either has fewer than two values.

    B. L. Welch, The generalization of Student's problem, Biometrika 34 (1947); degrees of freedom by Welch-Satterthwaite.
    """
    if len(first) < 2 or len(second) < 2:
        return None
    difference = fmean(first) - fmean(second)
    a, b = (stdev(sample) * stdev(sample) / len(sample) for sample in (first, second))
    if a + b == 0.0:
        return Welch(difference, difference, difference, inf, 1.0 if difference == 0.0 else 0.0)
    freedom = (a + b) * (a + b) / (a * a / (len(first) - 1) + b * b / (len(second) - 1))
    error = sqrt(a + b)
    half = t_quantile(confidence, freedom) * error
    return Welch(difference, difference - half, difference + half, freedom, 2 * float(stdtr(freedom, -abs(difference) / error)))


def pairs_needed(std: float, distance: float, confidence: float, at_most: int = 1000) -> int | None:
    """Fewest pairs whose interval would be narrower than `distance` on each side, were mean and spread to stay as they are.

    The smallest n >= 2 with t_(n-1) * std / sqrt(n) < distance; None when that is more than `at_most`.
    """
    for n in range(2, at_most + 1):
        if t_quantile(confidence, n - 1) * std / sqrt(n) < distance:
            return n
    return None
