"""Against closed forms, published tables and scipy.stats."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.significance.intervals import mean_interval, ratio_interval, relative_differences, t_quantile
from analysis.significance.welch import welch

# Hundredths: values a rounding error apart make the references lose all digits.
values = st.lists(st.integers(50, 1000).map(lambda n: n / 100), min_size=2, max_size=8, unique=True)


@pytest.mark.parametrize(
    ("freedom", "confidence", "tabulated"), [(1, 0.95, 12.706), (2, 0.95, 4.303), (4, 0.90, 2.132), (9, 0.99, 3.250), (30, 0.95, 2.042)]
)
def test_quantiles_of_student(freedom: int, confidence: float, tabulated: float) -> None:
    assert t_quantile(confidence, freedom) == pytest.approx(tabulated, abs=5e-4)


def test_interval_of_two_values_has_a_closed_form() -> None:
    # With one degree of freedom t is Cauchy: t_0.975 = tan(pi (0.975 - 1/2)); s / sqrt(2) = |a - b| / 2.
    interval = mean_interval([1.0, 3.0], 0.95)
    assert interval is not None
    assert (interval.estimate, interval.n, interval.std) == (2.0, 2, sqrt(2.0))
    assert interval.high - interval.estimate == pytest.approx(12.706204736174705)
    assert interval.estimate - interval.low == pytest.approx(12.706204736174705)


def test_interval_of_three_values_has_a_closed_form() -> None:
    # With two degrees of freedom t_p = (2p - 1) sqrt(2 / (1 - (2p - 1)^2)): for 95 %, 0.95 sqrt(2 / 0.0975).
    interval = mean_interval([1.0, 2.0, 3.0], 0.95)
    assert interval is not None
    assert interval.high == pytest.approx(2.0 + 0.95 * sqrt(2 / 0.0975) / sqrt(3))


@given(values, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_interval_equals_scipys(sample: list[float], confidence: float) -> None:
    interval = mean_interval(sample, confidence)
    reference = stats.t.interval(confidence, len(sample) - 1, loc=sum(sample) / len(sample), scale=stats.sem(sample))
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx(reference, rel=1e-9, abs=1e-12)


def test_values_without_spread_have_an_interval_without_width() -> None:
    same = mean_interval([2.0, 2.0, 2.0], 0.95)
    assert same is not None
    assert (same.low, same.high) == (2.0, 2.0)


def test_one_value_has_no_interval() -> None:
    assert mean_interval([1.0], 0.95) is None
    assert mean_interval([], 0.95) is None
    assert ratio_interval([(1.0, 2.0)], 0.95) is None


def test_pairs_are_made_by_seed_and_not_by_order() -> None:
    assert relative_differences({3: 4.5, 1: 2.2, 9: 1.0}, {1: 2.0, 3: 5.0, 4: 8.0}) == pytest.approx({1: 0.1, 3: -0.1})
    assert relative_differences({1: 2.2}, {1: 2.0}, higher_is_better=True) == pytest.approx({1: -0.1})
    assert relative_differences({1: -1.0}, {1: -2.0}) == {1: 0.5}
    assert relative_differences({1: 1.0}, {1: 0.0}) == {}


def test_pairing_takes_away_what_the_seeds_share() -> None:
    baseline = {1: 3.0, 2: 4.0, 3: 5.0}
    cell = {seed: value * (0.99 + 0.001 * seed) for seed, value in baseline.items()}
    paired = mean_interval(list(relative_differences(cell, baseline).values()), 0.95)
    unpaired = welch(list(cell.values()), list(baseline.values()), 0.95)
    assert paired is not None
    assert unpaired is not None
    assert paired.high < 0 < unpaired.high


def test_another_confidence_of_the_same_interval() -> None:
    interval = mean_interval([1.0, 2.0, 4.0, 4.5], 0.95)
    assert interval is not None
    assert interval.at(0.9) == mean_interval([1.0, 2.0, 4.0, 4.5], 0.9)


@given(values)
def test_the_ratio_is_a_geometric_mean_with_the_interval_of_its_logarithm(sample: list[float]) -> None:
    ratio = ratio_interval([(value, 2.0) for value in sample], 0.9)
    logs = np.log(np.asarray(sample) / 2.0)
    assert ratio is not None
    assert ratio.estimate == pytest.approx(stats.gmean(sample) / 2.0)
    reference = stats.ttest_1samp(logs, 0.0).confidence_interval(0.9)
    assert (np.log(ratio.low), np.log(ratio.high)) == pytest.approx((reference.low, reference.high), abs=1e-9)


def test_a_ratio_needs_positive_values() -> None:
    assert ratio_interval([(1.0, 2.0), (0.0, 2.0)], 0.95) is None
