"""Against Cohen's table, statsmodels, scipy's quadrature and simulated samples."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from statsmodels.stats.power import TTestPower

from analysis.significance.power import pairs_for_equivalence, pairs_needed, t_test_power, tost_power


@pytest.mark.parametrize(("effect", "pairs"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10), (2.0, 5)])
def test_pairs_for_80_percent_power_at_5_percent_as_tabulated(effect: float, pairs: int) -> None:
    assert pairs_needed(1.0, effect, 0.05) == pairs


@pytest.mark.parametrize("n", [3, 5, 12, 40])
@pytest.mark.parametrize("effect", [0.3, 1.0, 2.5])
def test_power_equals_statsmodels(n: int, effect: float) -> None:
    # One-sided at alpha / 2: statsmodels' two-sided power adds rejections on the wrong side.
    reference = float(TTestPower().power(effect, n, 0.025, alternative="larger"))
    assert t_test_power(n, effect, 0.05) == pytest.approx(reference, abs=1e-9)


@settings(max_examples=25)
@given(st.floats(0.001, 1.0), st.floats(0.01, 1.0), st.sampled_from([0.05, 0.01, 0.05 / 12]))
def test_pairs_needed_is_the_smallest_number_that_suffices(std: float, distance: float, alpha: float) -> None:
    needed = pairs_needed(std, distance, alpha)
    if needed is None:
        assert t_test_power(1000, distance / std, alpha) < 0.8
    else:
        assert t_test_power(needed, distance / std, alpha) >= 0.8
        assert needed == 2 or t_test_power(needed - 1, distance / std, alpha) < 0.8


def test_a_large_effect_has_a_power_for_every_number_of_pairs() -> None:
    """Where scipy.special's noncentral t has holes: 63 to 65 pairs at 1 %."""
    assert [t_test_power(n, 5.12, 0.01) for n in (62, 63, 64, 65, 66)] == pytest.approx([1.0] * 5)


def test_no_distance_takes_more_pairs_than_there_are() -> None:
    assert pairs_needed(0.1, 0.0, 0.05) is None
    assert pairs_needed(0.0, 0.0, 0.05) is None
    assert pairs_needed(0.0, 0.1, 0.05) == 2


@pytest.mark.parametrize(
    ("n", "mean", "margin"), [(3, 0.0, 3.0), (5, 0.0, 2.0), (10, 0.0, 1.0), (12, 0.2, 1.0), (40, -0.5, 1.0), (8, 1.0, 1.0)]
)
def test_power_of_equivalence_equals_scipys_quadrature(n: int, mean: float, margin: float) -> None:
    freedom, t = n - 1, stats.t.ppf(0.95, n - 1)

    def given_s(s: float) -> float:
        inside = stats.norm.cdf((margin - mean) * sqrt(n) - t * s) - stats.norm.cdf(-(margin + mean) * sqrt(n) + t * s)
        return float(max(0.0, inside) * stats.chi.pdf(s * sqrt(freedom), freedom) * sqrt(freedom))

    reference, _ = integrate.quad(given_s, 0, min(10.0, margin * sqrt(n) / t), limit=200)
    assert tost_power(n, mean, margin, 1.0, 0.05) == pytest.approx(reference, abs=1e-7)


def test_power_of_equivalence_is_how_often_samples_are_found_equivalent() -> None:
    n, mean, margin, std, count = 6, 0.002, 0.015, 0.01, 40_000
    samples = np.random.default_rng(0).normal(mean, std, (count, n))
    half = stats.t.ppf(0.95, n - 1) * samples.std(axis=1, ddof=1) / sqrt(n)
    found = (np.abs(samples.mean(axis=1)) + half < margin).mean()
    power = tost_power(n, mean, margin, std, 0.05)
    # Four standard errors of a share over 40,000 samples.
    assert found == pytest.approx(power, abs=4 * sqrt(power * (1 - power) / count))


def test_a_mean_on_the_margin_is_found_equivalent_with_probability_alpha() -> None:
    assert tost_power(200, 0.5, 0.5, 1.0, 0.05) == pytest.approx(0.05, abs=1e-6)


@settings(max_examples=25)
@given(st.floats(0.001, 0.1), st.floats(-0.9, 0.9))
def test_pairs_for_equivalence_is_the_smallest_number_that_suffices(std: float, share: float) -> None:
    margin, mean = 0.01, 0.01 * share
    needed = pairs_for_equivalence(std, mean, margin, 0.05)
    if needed is None:
        assert tost_power(1000, mean, margin, std, 0.05) < 0.8
    else:
        assert tost_power(needed, mean, margin, std, 0.05) >= 0.8
        assert needed == 2 or tost_power(needed - 1, mean, margin, std, 0.05) < 0.8


def test_what_lies_outside_the_margin_is_never_equivalent() -> None:
    assert pairs_for_equivalence(0.1, 0.02, 0.01, 0.05) is None
    assert pairs_for_equivalence(0.0, 0.02, 0.01, 0.05) is None
    assert pairs_for_equivalence(0.0, 0.0, 0.01, 0.05) == 2
