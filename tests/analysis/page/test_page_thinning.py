import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.figures.curves import Curve
from analysis.page.curve_data import significant
from analysis.page.thinning import thinned


def curve(values: list[float]) -> Curve:
    return Curve("t", "c", "explore", "completed", np.arange(len(values), dtype=float) * 10, np.array(values, float))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(4, 60))
def test_few_points_of_the_curve_itself_with_its_ends_and_extremes(values: list[float], most: int) -> None:
    whole = curve(values)
    steps, kept = thinned(whole, most)
    assert len(steps) <= max(most, 4)
    assert len(steps) == len(values) or len(values) > most
    assert np.all(np.diff(steps) > 0)
    assert kept.tolist() == [values[int(step) // 10] for step in steps]
    assert (steps[0], steps[-1]) == (whole.steps[0], whole.steps[-1])
    assert (kept.min(), kept.max()) == (min(values), max(values))


def test_a_spike_survives() -> None:
    values = [1.0] * 10_000
    values[7_777] = 50.0
    steps, kept = thinned(curve(values), 20)
    assert len(steps) <= 20
    assert (kept.max(), steps[kept.argmax()]) == (50.0, 77_770)


def test_significant_digits() -> None:
    assert [significant(value, 3) for value in (1234.5, 0.00012345, -7.0, 0.0)] == [1230.0, 0.000123, -7.0, 0.0]
