"""How many pairs of seeds a claim needs: power of the paired t test and of two one-sided tests, by the noncentral t distribution."""

from collections.abc import Callable
from math import sqrt

import numpy as np
from scipy.special import chdtri, gammaln, ndtr, stdtrit

POWER = 0.8
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(128)


def t_test_power(n: int, effect: float, alpha: float) -> float:
    """Chance that a two-sided paired t test at `alpha` finds a mean that is `effect` standard deviations of the differences from the bound.

    P(T' > t_(1 - alpha / 2)) for a noncentral T' of n - 1 degrees of freedom and noncentrality effect * sqrt(n) (Cohen 1988, section 2.3);
    finding it on the wrong side does not count.
    """
    from scipy.stats import nct  # takes most of a second to import; scipy.special.nctdtr is NaN for some of the same arguments

    return float(nct.sf(stdtrit(n - 1, 1 - alpha / 2), n - 1, abs(effect) * sqrt(n)))


def tost_power(n: int, mean: float, margin: float, std: float, alpha: float) -> float:
    """Chance that two one-sided tests at `alpha` each find equivalence within `margin`, over `n` differences with this mean and `std`.

    K. F. Phillips, Power of the two one-sided tests procedure in bioequivalence, J. Pharmacokinetics and Biopharmaceutics 18 (1990), with
    the integral over the sample's standard deviation u * std done by Gauss-Legendre quadrature:
    int f(u) [Phi((margin - mean) sqrt(n) / std - t u) - Phi(-(margin + mean) sqrt(n) / std + t u)] du, where f is the density of
    sqrt(chi2_(n-1) / (n-1)) and t the quantile of Student's t at 1 - alpha.
    """
    freedom, scale = n - 1, sqrt(n) / std
    t = float(stdtrit(freedom, 1 - alpha))
    # Beyond margin * scale / t no sample is equivalent; outside the other two, u has a chance of 1e-14.
    low, high = (sqrt(float(chdtri(freedom, tail)) / freedom) for tail in (1 - 1e-14, 1e-14))
    high = min(high, margin * scale / t)
    if high <= low:
        return 0.0
    u = low + (high - low) * (_NODES + 1) / 2
    log_density = np.log(2 * freedom * u) + (freedom / 2 - 1) * np.log(freedom * u * u) - freedom * u * u / 2
    density = np.exp(log_density - freedom / 2 * np.log(2) - gammaln(freedom / 2))
    inside = ndtr((margin - mean) * scale - t * u) - ndtr(-(margin + mean) * scale + t * u)
    return float((high - low) / 2 * np.sum(_WEIGHTS * density * inside))


def pairs_needed(std: float, distance: float, alpha: float, power: float = POWER, at_most: int = 1000) -> int | None:
    """Fewest pairs (at least 2) whose two-sided t test at `alpha` would find a mean `distance` away from the bound with this `power`.

    None when that is more than `at_most`, or when there is no distance to find.
    """
    if std == 0.0 or distance == 0.0:
        return 2 if distance else None
    return _fewest(lambda n: t_test_power(n, distance / std, alpha) >= power, at_most)


def pairs_for_equivalence(std: float, mean: float, margin: float, alpha: float, power: float = POWER, at_most: int = 1000) -> int | None:
    """Fewest pairs (at least 2) whose two one-sided tests at `alpha` would find equivalence with this `power`.

    None when that is more than `at_most`, or when the mean is not within the margin.
    """
    if std == 0.0 or abs(mean) >= margin:
        return 2 if abs(mean) < margin else None
    return _fewest(lambda n: tost_power(n, mean, margin, std, alpha) >= power, at_most)


def _fewest(suffices: Callable[[int], bool], at_most: int) -> int | None:
    """The smallest n in [2, at_most] that suffices; power grows with n, so bisection finds it."""
    if not suffices(at_most):
        return None
    low, high = 1, at_most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high
