"""Tests of a mean against a bound: Student's t, two one-sided tests for equivalence, and Wilcoxon's signed ranks."""

from collections.abc import Sequence
from math import sqrt

from scipy.special import stdtr

from analysis.significance.intervals import Interval


def t_test(mean: Interval, bound: float = 0.0) -> float:
    """Two-sided p value of Student's t test that the mean is `bound`. Over differences of pairs it is the paired t test."""
    return 2 * _tail(mean, -abs(mean.estimate - bound))


def tost(mean: Interval, margin: float) -> float:
    """p value of the two one-sided tests that the mean lies outside (-margin, margin).

    D. J. Schuirmann, A comparison of the two one-sided tests procedure and the power approach for assessing the equivalence of
    average bioavailability, J. Pharmacokinetics and Biopharmaceutics 15 (1987): the larger of both p values. It is below alpha exactly
    when the interval at confidence 1 - 2 alpha lies within the margins.
    """
    return max(_tail(mean, -mean.estimate - margin), _tail(mean, mean.estimate - margin))


def _tail(mean: Interval, distance: float) -> float:
    """P(T <= distance / standard error) for Student's T with n - 1 degrees of freedom."""
    error = mean.std / sqrt(mean.n)
    if error == 0.0:
        return 0.5 if distance == 0.0 else float(distance > 0)
    return float(stdtr(mean.n - 1, distance / error))


def wilcoxon_signed_rank(differences: Sequence[float]) -> float | None:
    """Two-sided p value of the signed-rank test; None when no difference is other than 0.

    F. Wilcoxon, Individual comparisons by ranking methods, Biometrics Bulletin 1 (1945). Differences of 0 are left out; exact where no
    two are of one size. With n of them it cannot fall below 2^(1 - n): three seeds give 0.25 at best, six the first p below 0.05.
    """
    from scipy.stats import wilcoxon  # takes most of a second to import

    nonzero = [difference for difference in differences if difference != 0.0]
    if not nonzero:
        return None
    exact = len({abs(difference) for difference in nonzero}) == len(nonzero) and len(nonzero) <= 50
    return float(wilcoxon(nonzero, method="exact" if exact else "approx").pvalue)
