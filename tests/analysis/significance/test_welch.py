from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.significance.welch import welch

# Hundredths: values a rounding error apart make the references lose all digits.
values = st.lists(st.integers(50, 1000).map(lambda n: n / 100), min_size=2, max_size=8, unique=True)


@given(values, values, st.sampled_from([0.9, 0.95]))
def test_welch_equals_scipys(first: list[float], second: list[float], confidence: float) -> None:
    ours, reference = welch(first, second, confidence), stats.ttest_ind(first, second, equal_var=False)
    bounds = reference.confidence_interval(confidence)
    assert ours is not None
    assert ours.p_value == pytest.approx(reference.pvalue, rel=1e-6)
    assert ours.degrees_of_freedom == pytest.approx(reference.df, rel=1e-9)
    assert (ours.low, ours.high) == pytest.approx((bounds.low, bounds.high), rel=1e-8, abs=1e-10)


def test_samples_without_spread_differ_for_certain_or_not_at_all() -> None:
    apart, equal = welch([2.0, 2.0], [1.0, 1.0], 0.95), welch([2.0, 2.0], [2.0, 2.0], 0.95)
    assert apart is not None
    assert equal is not None
    assert (apart.difference, apart.p_value, apart.degrees_of_freedom, equal.p_value) == (1.0, 0.0, inf, 1.0)


def test_one_value_has_no_interval() -> None:
    assert welch([1.0], [1.0, 2.0], 0.95) is None
