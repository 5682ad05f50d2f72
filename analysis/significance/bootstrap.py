"""The bootstrap interval of a mean, bias-corrected and accelerated (BCa), from a fixed seed."""

from collections.abc import Sequence

import numpy as np

RESAMPLES, SEED = 9999, 0


def bca_interval(values: Sequence[float], confidence: float) -> tuple[float, float] | None:
    """(low, high) of the mean; the same values give the same numbers.

    B. Efron, Better bootstrap confidence intervals, JASA 82 (1987), eq. 2.3, as scipy.stats.bootstrap has it. None where resampling cannot
    tell: values that are all the same, or so few that their rarest resample, which comes up once in n^n, is commoner than the tail
    (1 - confidence) / 2 that the interval has to cut off. At 95 % that is below four values.
    """
    n = len(values)
    if n < 2 or len(set(values)) == 1 or float(n) ** -n >= (1 - confidence) / 2:
        return None
    from scipy.stats import bootstrap  # takes most of a second to import

    sample = np.asarray(values, dtype=float)
    found = bootstrap((sample,), np.mean, method="BCa", confidence_level=confidence, n_resamples=RESAMPLES, rng=np.random.default_rng(SEED))
    low, high = float(found.confidence_interval.low), float(found.confidence_interval.high)
    return (low, high) if np.isfinite([low, high]).all() else None
