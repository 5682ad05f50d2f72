import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from analysis.significance.holm import holm, holm_factors

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def test_a_worked_example() -> None:
    # 4 x 0.005, 3 x 0.01, then 2 x 0.03 for both that are left.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm_factors([0.01, 0.04, 0.03, 0.005]) == [3, 1, 2, 4]


@pytest.mark.parametrize(
    "found", [[0.2], [0.001, 0.3, 0.02, 0.02, 0.9], [0.04, 0.04, 0.04], [0.0, 1.0, 0.5, 0.012, 0.0125, 0.4, 0.0001], [0.9, 0.8, 0.7]]
)
def test_it_equals_statsmodels(found: list[float]) -> None:
    assert holm(found) == pytest.approx(multipletests(found, method="holm")[1], abs=1e-12)


@given(p_values)
def test_nothing_gets_smaller_and_the_order_stays(found: list[float]) -> None:
    adjusted = holm(found)
    assert all(p <= a <= 1 for p, a in zip(found, adjusted, strict=True))
    in_order = [adjusted[i] for i in sorted(range(len(found)), key=lambda i: found[i])]
    assert in_order == sorted(in_order)


def test_one_claim_and_none() -> None:
    assert (holm([0.03]), holm([])) == ([0.03], [])


def test_certain_claims_cost_the_others_nothing() -> None:
    assert holm([0.0, 0.0, 0.0, 0.04]) == pytest.approx([0.0, 0.0, 0.0, 0.04])
