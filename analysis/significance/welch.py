"""Welch's comparison of two means with unequal variances, for samples that are not paired."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import fmean, stdev

from scipy.special import stdtr

from analysis.significance.intervals import t_quantile


@dataclass(frozen=True)
class Welch:
    """Difference of two means with unequal variances: interval, degrees of freedom and two-sided p value."""

    difference: float
    low: float
    high: float
    degrees_of_freedom: float
    p_value: float


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
