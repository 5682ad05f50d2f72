"""Confidence intervals of a mean and of a ratio from a handful of seeds.

Student's t throughout: W. S. Gosset ("Student"), The probable error of a mean, Biometrika 6 (1908).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import fmean, stdev

from scipy.special import stdtrit


@dataclass(frozen=True)
class Interval:
    """A mean of `n` values with its two-sided confidence interval [low, high]; `std` is the sample standard deviation."""

    estimate: float
    low: float
    high: float
    std: float
    n: int

    def at(self, confidence: float) -> "Interval":
        """The interval of the same mean at another confidence."""
        half = t_quantile(confidence, self.n - 1) * self.std / sqrt(self.n)
        return Interval(self.estimate, self.estimate - half, self.estimate + half, self.std, self.n)


def t_quantile(confidence: float, degrees_of_freedom: float) -> float:
    """The t that bounds the middle `confidence` of Student's distribution: t_(1 - (1 - confidence) / 2, df)."""
    return float(stdtrit(degrees_of_freedom, (1 + confidence) / 2))


def mean_interval(values: Sequence[float], confidence: float) -> Interval | None:
    """mean +- t * s / sqrt(n); None for fewer than two values."""
    if len(values) < 2:
        return None
    mean = fmean(values)
    return Interval(mean, mean, mean, stdev(values), len(values)).at(confidence)


def ratio_interval(pairs: Sequence[tuple[float, float]], confidence: float) -> Interval | None:
    """Geometric mean of first / second over the pairs, with the interval of the mean logarithm taken back; `std` is of the logarithms.

    None for fewer than two pairs, or when a value is not positive.
    """
    if any(first <= 0 or second <= 0 for first, second in pairs):
        return None
    logs = mean_interval([log(first / second) for first, second in pairs], confidence)
    return None if logs is None else Interval(exp(logs.estimate), exp(logs.low), exp(logs.high), logs.std, logs.n)


def pairs_of(cell: Mapping[int, float], baseline: Mapping[int, float]) -> dict[int, tuple[float, float]]:
    """(cell, baseline) for each seed that both have, by seed."""
    return {seed: (cell[seed], baseline[seed]) for seed in sorted(cell) if seed in baseline}


def relative_differences(cell: Mapping[int, float], baseline: Mapping[int, float], *, higher_is_better: bool = False) -> dict[int, float]:
    """(cell - baseline) / |baseline| for each seed that both have, negated where higher is better: below 0 is better than the baseline.

    Seeds whose baseline is 0 have no relative difference and are left out.
    """
    sign = -1.0 if higher_is_better else 1.0
    return {seed: sign * (ours - theirs) / abs(theirs) for seed, (ours, theirs) in pairs_of(cell, baseline).items() if theirs != 0.0}
