import pytest

from analysis.decision import Outcome
from analysis.page.interval_plot import IntervalPlot, of_verdict
from analysis.verdict import Verdict


def plot(threshold: float, kind: str, low: float = -0.10, high: float = -0.02) -> IntervalPlot:
    verdict = Verdict("c", Outcome.CONFIRMED, "", threshold, "eval/loss", "x", (low + high) / 2, low, high, 3, kind=kind, confidence=0.95)
    found = of_verdict(verdict)
    assert found is not None
    return found


def test_places_keep_the_order_of_the_numbers_and_stay_inside() -> None:
    found = plot(-0.01, "superiority")
    assert 0 < found.low < found.estimate < found.high < found.bounds[0].place < found.zero.place < 1
    assert found.text == "95% interval from -10.00% to -2.00% around -6.00%; bound at -1.00%"


def test_an_equivalence_has_a_bound_on_either_side() -> None:
    found = plot(0.2, "equivalence")
    assert [bound.text for bound in found.bounds] == ["-20.00%", "+20.00%"]
    assert found.bounds[0].place < found.low
    assert found.zero.place == pytest.approx((found.bounds[0].place + found.bounds[1].place) / 2)


def test_a_departure_is_in_the_units_of_its_metric() -> None:
    assert plot(0.1, "departure", 0.2, 0.4).text == "95% interval from 0.2000 to 0.4000 around 0.3000; bounds at -0.1000 and 0.1000"


def test_a_bound_at_zero_is_the_line_of_no_difference() -> None:
    found = plot(0.0, "superiority")
    assert (found.bounds, found.zero.text) == ((), "no difference = bound")


def test_no_interval_no_plot() -> None:
    assert of_verdict(Verdict("c", Outcome.UNDECIDED, "", 0.0, "eval/loss")) is None
