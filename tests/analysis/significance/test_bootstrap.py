from itertools import product

import numpy as np
import pytest
from scipy import stats

from analysis.significance.bootstrap import bca_interval


def exact_bca(values: list[float], confidence: float) -> tuple[float, float]:
    """Efron 1987 over all n^n resamples of the values, with nothing drawn."""
    n = len(values)
    means = np.sort([np.mean(resample) for resample in product(values, repeat=n)])
    left_out = np.array([(sum(values) - value) / (n - 1) for value in values])
    apart = left_out.mean() - left_out
    acceleration = (apart**3).sum() / (6 * (apart**2).sum() ** 1.5)
    below = (np.sum(means < np.mean(values)) + np.sum(means <= np.mean(values))) / (2 * len(means))
    z0 = stats.norm.ppf(below)
    ends = []
    for tail in ((1 - confidence) / 2, (1 + confidence) / 2):
        z = z0 + stats.norm.ppf(tail)
        ends.append(float(np.quantile(means, stats.norm.cdf(z0 + z / (1 - acceleration * z)))))
    return ends[0], ends[1]


@pytest.mark.parametrize("values", [[1.0, 2.0, 3.5, 7.0, 7.5], [-0.02, 0.01, 0.015, -0.03, 0.0]])
def test_it_is_close_to_all_resamples_enumerated(values: list[float]) -> None:
    found, reference = bca_interval(values, 0.9), exact_bca(values, 0.9)
    assert found is not None
    # 9,999 draws miss a quantile by a few steps of the enumerated distribution.
    assert found == pytest.approx(reference, abs=0.03 * (max(values) - min(values)))


def test_the_same_values_give_the_same_numbers_and_it_moves_and_scales_with_them() -> None:
    values = [1.0, 2.0, 3.5, 7.0, 7.5]
    first = bca_interval(values, 0.95)
    assert first is not None
    assert bca_interval(values, 0.95) == first
    assert bca_interval([10 + 2 * value for value in values], 0.95) == pytest.approx([10 + 2 * end for end in first])


def test_of_many_normal_values_it_is_students_interval() -> None:
    values = np.random.default_rng(3).normal(5.0, 1.0, 400).tolist()
    reference = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert bca_interval(values, 0.95) == pytest.approx((reference.low, reference.high), abs=0.01)


def test_too_few_or_equal_values_have_no_tail_to_cut_off() -> None:
    # 3^-3 = 0.037 is more than 0.025, 4^-4 = 0.004 is less.
    assert bca_interval([1.0, 2.0, 3.0], 0.95) is None
    assert bca_interval([1.0, 2.0, 3.0], 0.9) is not None
    assert bca_interval([1.0, 2.0, 3.0, 5.0], 0.95) is not None
    assert bca_interval([2.0] * 6, 0.95) is None
    assert bca_interval([], 0.95) is None
