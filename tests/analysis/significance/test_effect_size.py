import numpy as np
import pytest
from scipy import stats

from analysis.significance.effect_size import cohens_dz, hedges_g


def test_dz_is_t_over_the_root_of_n() -> None:
    first, second = [4.1, 3.9, 4.4, 4.0], [4.3, 4.0, 4.7, 4.1]
    t = stats.ttest_rel(first, second).statistic
    assert cohens_dz([a - b for a, b in zip(first, second, strict=True)]) == pytest.approx(t / 2)


@pytest.mark.parametrize(("freedom", "factor"), [(2, 0.5642), (4, 0.7979), (6, 0.8686), (8, 0.9027), (10, 0.9228), (20, 0.9619)])
def test_the_correction_for_small_samples_as_tabulated(freedom: int, factor: float) -> None:
    """Hedges 1981, table 1, where both samples have the same size and a pooled standard deviation of 1."""
    n = freedom // 2 + 1
    values = np.arange(n, dtype=float)
    values /= values.std(ddof=1)
    assert hedges_g((values + 1.0).tolist(), values.tolist()) == pytest.approx(factor, abs=1e-4)


def test_without_a_spread_or_a_second_value_there_is_none() -> None:
    assert cohens_dz([0.1]) is None
    assert cohens_dz([0.1, 0.1]) is None
    assert hedges_g([1.0], [1.0, 2.0]) is None
    assert hedges_g([1.0, 1.0], [2.0, 2.0]) is None
