from typing import Any

import numpy as np
import pytest
from scipy import stats

from analysis.importance import Importance, importances


def trials(**keys: list[Any]) -> list[dict[str, Any]]:
    columns = {f"config.{key}": values for key, values in keys.items()}
    count = len(next(iter(keys.values())))
    return [{"trial": str(i), **{name: values[i] for name, values in columns.items()}} for i in range(count)]


def found(merits: list[float], **keys: list[Any]) -> dict[str, Importance]:
    rows = trials(**keys)
    return {one.key: one for one in importances(rows, {str(i): merit for i, merit in enumerate(merits)}, list(keys))}


def test_the_share_is_eta_squared_of_kruskal_and_wallis() -> None:
    merits = [3.1, 3.0, 3.4, 4.0, 4.2, 3.3, 5.0, 4.9, 4.1]
    one = found(merits, optimizer=["adam"] * 3 + ["muon"] * 3 + ["sgd"] * 3)["optimizer"]
    h, p = stats.kruskal(merits[:3], merits[3:6], merits[6:])
    assert (one.n, one.levels, one.share, one.p_value) == (9, 3, pytest.approx((h - 2) / 6), pytest.approx(p))


def test_eta_squared_is_the_explained_variance_of_the_ranks() -> None:
    """H = (n - 1) SSB / SST, so the share is SSB / SST without what chance explains: (k - 1) / (n - 1) of it becomes 0."""
    merits = [1.0, 2.0, 5.0, 6.0, 3.0, 4.0]
    ranks = np.argsort(np.argsort(merits)) + 1.0
    groups = ranks.reshape(3, 2)
    explained = 2 * ((groups.mean(1) - ranks.mean()) ** 2).sum() / ((ranks - ranks.mean()) ** 2).sum()
    assert found(merits, x=["a", "a", "b", "b", "c", "c"])["x"].share == pytest.approx((5 * explained - 2) / 3)


def test_the_key_that_matters_comes_first_and_its_optimum_may_lie_inside() -> None:
    rng = np.random.default_rng(0)
    rates = rng.uniform(-4, -1, 40)
    decay = rng.uniform(0, 0.1, 40)
    merits = ((rates + 2.5) ** 2 + 0.01 * rng.normal(size=40)).tolist()
    by_key = found(merits, lr=(10.0**rates).tolist(), weight_decay=decay.tolist())
    assert list(by_key) == ["lr", "weight_decay"]
    assert by_key["lr"].levels == 4
    assert (by_key["lr"].share or 0.0) > 0.6 > 0.2 > (by_key["weight_decay"].share or 0.0)
    # A correlation sees nothing of it.
    assert abs(stats.spearmanr(rates, merits).statistic) < 0.3


def test_equal_numbers_stay_together() -> None:
    one = found([float(n) for n in range(9)], x=[1, 1, 1, 1, 1, 2, 3, 4, 5])["x"]
    assert one.levels <= 4
    assert one.n == 9


def test_what_cannot_be_told_is_missing() -> None:
    assert found([1.0, 2.0, 3.0], x=["a", "b", "c"])["x"].share is None
    assert found([1.0, 2.0, 3.0, 4.0, 5.0], x=[1, 2, 3, 4, 5])["x"].share is None
    assert found([1.0, 1.0, 1.0, 1.0], x=["a", "a", "b", "b"])["x"].share is None
    assert found([1.0, 2.0], x=["a", "a"]) == {}
    assert importances([], {}, ["x"]) == []


def test_trials_without_a_finite_value_are_left_out() -> None:
    rows = trials(x=["a", "a", "b", "b", "b"])
    (one,) = importances(rows, {"0": 1.0, "1": 2.0, "2": 3.0, "3": float("nan")}, ["x"])
    assert one.n == 3


def test_no_key_explains_less_than_nothing() -> None:
    assert found([1.0, 4.0, 2.0, 3.0], x=["a", "a", "b", "b"])["x"].share == 0.0
