"""Standardised effect sizes: Cohen's d_z of pairs and Hedges' g of two samples."""

from collections.abc import Sequence
from math import exp, lgamma, log, sqrt
from statistics import fmean, stdev, variance


def cohens_dz(differences: Sequence[float]) -> float | None:
    """mean / sample standard deviation of the differences of pairs; None without a spread.

    J. Cohen, Statistical Power Analysis for the Behavioral Sciences (1988), section 2.3.5. It is Student's t over sqrt(n).
    """
    if len(differences) < 2 or stdev(differences) == 0.0:
        return None
    return fmean(differences) / stdev(differences)


def hedges_g(first: Sequence[float], second: Sequence[float]) -> float | None:
    """(mean(first) - mean(second)) / pooled standard deviation, without the bias of small samples; None without a spread.

    L. V. Hedges, Distribution theory for Glass's estimator of effect size and related estimators, J. Educational Statistics 6 (1981),
    eq. 6e, by the factor J(m) = Gamma(m / 2) / (sqrt(m / 2) Gamma((m - 1) / 2)) with m = n1 + n2 - 2. Pairs are not made use of.
    """
    freedom = len(first) + len(second) - 2
    if len(first) < 2 or len(second) < 2:
        return None
    pooled = sqrt(((len(first) - 1) * variance(first) + (len(second) - 1) * variance(second)) / freedom)
    if pooled == 0.0:
        return None
    correction = exp(lgamma(freedom / 2) - log(freedom / 2) / 2 - lgamma((freedom - 1) / 2))
    return correction * (fmean(first) - fmean(second)) / pooled
