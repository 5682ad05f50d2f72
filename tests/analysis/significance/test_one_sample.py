"""Against scipy, statsmodels, closed forms and the table of Wilcoxon's signed ranks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from analysis.significance.intervals import Interval, mean_interval
from analysis.significance.one_sample import t_test, tost, wilcoxon_signed_rank

differences = st.lists(st.integers(-900, 900).map(lambda n: n / 100), min_size=2, max_size=8, unique=True)


def mean_of(sample: list[float]) -> Interval:
    interval = mean_interval(sample, 0.95)
    assert interval is not None
    return interval


@given(differences, st.sampled_from([-1.0, 0.0, 0.25]))
def test_t_equals_scipys(sample: list[float], bound: float) -> None:
    assert t_test(mean_of(sample), bound) == pytest.approx(stats.ttest_1samp(sample, bound).pvalue, rel=1e-6, abs=1e-12)


def test_over_differences_it_is_the_paired_test() -> None:
    ours, theirs = [4.1, 3.9, 4.4, 4.0], [4.3, 4.0, 4.7, 4.1]
    paired = stats.ttest_rel(ours, theirs)
    assert t_test(mean_of([a - b for a, b in zip(ours, theirs, strict=True)])) == pytest.approx(paired.pvalue)


def test_t_of_two_values_has_a_closed_form() -> None:
    # One degree of freedom: P(|T| > t) = 1 - 2 arctan(t) / pi; here t = 2 / (sqrt(2) / sqrt(2)) = 2.
    assert t_test(mean_of([1.0, 3.0])) == pytest.approx(1 - 2 * 1.1071487177940904 / 3.141592653589793)


@given(differences, st.sampled_from([0.5, 3.0, 8.0]))
def test_two_one_sided_tests_equal_statsmodels(sample: list[float], margin: float) -> None:
    reference, *_ = ttost_paired(np.asarray(sample), np.zeros(len(sample)), -margin, margin)
    assert tost(mean_of(sample), margin) == pytest.approx(float(reference), rel=1e-6, abs=1e-12)


@given(differences, st.sampled_from([0.5, 3.0, 8.0]), st.sampled_from([0.01, 0.05, 0.1]))
def test_equivalence_is_the_interval_at_1_minus_2_alpha_within_the_margins(sample: list[float], margin: float, alpha: float) -> None:
    interval = mean_of(sample).at(1 - 2 * alpha)
    assert (tost(interval, margin) < alpha) == (-margin < interval.low and interval.high < margin)


def test_a_mean_without_spread_is_where_it_is() -> None:
    same = mean_of([0.5, 0.5, 0.5])
    assert (t_test(same, 0.5), t_test(same, 0.4)) == (1.0, 0.0)
    assert (tost(same, 0.6), tost(same, 0.4)) == (0.0, 1.0)


@pytest.mark.parametrize("n", [2, 3, 6, 9])
def test_signed_ranks_of_one_sign_have_a_closed_form(n: int) -> None:
    assert wilcoxon_signed_rank([0.1 * k for k in range(1, n + 1)]) == pytest.approx(2.0 ** (1 - n))


@pytest.mark.parametrize(("n", "critical"), [(6, 0), (7, 2), (8, 3), (10, 8), (12, 13)])
def test_signed_ranks_against_the_table(n: int, critical: int) -> None:
    """Critical values of the smaller rank sum, two-sided 5 % (Wilcoxon and Wilcox 1964)."""

    def with_smaller_sum(total: int) -> float:
        negative: set[int] = set()
        for rank in range(n, 0, -1):
            if rank <= total:
                negative.add(rank)
                total -= rank
        p_value = wilcoxon_signed_rank([float(-rank if rank in negative else rank) for rank in range(1, n + 1)])
        assert p_value is not None
        return p_value

    assert with_smaller_sum(critical) <= 0.05 < with_smaller_sum(critical + 1)


def test_signed_ranks_leave_out_zeros_and_share_ranks() -> None:
    assert wilcoxon_signed_rank([0.0, 0.0]) is None
    assert wilcoxon_signed_rank([0.0, 1.0, 2.0, 3.0]) == wilcoxon_signed_rank([1.0, 2.0, 3.0]) == 0.25
    tied = wilcoxon_signed_rank([1.0, 1.0, -1.0, 2.0])
    assert tied == pytest.approx(float(stats.wilcoxon([1.0, 1.0, -1.0, 2.0], method="approx").pvalue))
