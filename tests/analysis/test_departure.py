"""Claims about a number in place of the baseline, and about a cell of the claim's own choice in its place."""

from typing import Any

import pytest
from scipy import stats
from sweep_on_disk import LR, SweepBuilder

from analysis.load import load_sweep
from analysis.summarize import rows_of_sweep
from analysis.verdict import Outcome, Verdict, verdicts
from trainable.spec.statement import DEPARTURE, Claim

BASE = {1: 4.0, 2: 5.0, 3: 8.0}


def judged(sweep: SweepBuilder, **claim: Any) -> Verdict:
    sweep.statement.claims = [Claim("a claim", **claim)]
    loaded = load_sweep(sweep.write())
    (verdict,) = verdicts(loaded.statement, rows_of_sweep(loaded))
    return verdict


def with_values(sweep: SweepBuilder, *values: float) -> SweepBuilder:
    sweep.confirm({LR: 0.003}, BASE)
    sweep.confirm({LR: 0.01}, dict(zip((1, 2, 3), values, strict=True)))
    return sweep


# s = 0.01 around 0.5 + shift, n = 3: half widths 4.3027 and 2.9200 times 0.01 / sqrt(3), 0.0248 (95 %) and 0.0169 (90 %).
@pytest.mark.parametrize(
    ("shift", "margin", "outcome"),
    [
        (0.05, 0.025, "CONFIRMED"),
        (-0.05, 0.025, "CONFIRMED"),
        (0.05, 0.0252, "UNDECIDED"),
        (0.05, 0.066, "UNDECIDED"),
        (0.05, 0.067, "REFUTED"),
        (-0.05, 0.067, "REFUTED"),
        (0.026, 0.0, "CONFIRMED"),
        (0.024, 0.0, "UNDECIDED"),
    ],
)
def test_a_mean_beyond_the_margin_on_either_side_confirms_and_one_within_refutes(
    sweep: SweepBuilder, shift: float, margin: float, outcome: str
) -> None:
    values = [0.49 + shift, 0.5 + shift, 0.51 + shift]
    verdict = judged(with_values(sweep, *values), cell={LR: 0.01}, away_from=0.5, min_distance=margin)
    assert (verdict.outcome, verdict.kind, verdict.threshold) == (outcome, DEPARTURE, margin)
    assert verdict.estimate == pytest.approx(shift)
    assert (verdict.p_value is not None and verdict.p_value < 0.05) == (outcome != "UNDECIDED")
    if outcome == "CONFIRMED":
        bound = 0.5 + (margin if shift > 0 else -margin)
        assert verdict.p_value == pytest.approx(float(stats.ttest_1samp(values, bound).pvalue))


def test_the_reason_tells_mean_distance_and_interval(sweep: SweepBuilder) -> None:
    verdict = judged(with_values(sweep, 0.54, 0.55, 0.56), cell={LR: 0.01}, away_from=0.5, min_distance=0.02)
    expected = "mean 0.55 over 3 seeds, +0.05 from 0.5, 95% interval [+0.0252, +0.0748], no value of which lies within 0.02 of 0.5"
    assert verdict.reason == expected
    undecided = judged(with_values(sweep, 0.54, 0.55, 0.56), cell={LR: 0.01}, away_from=0.5, min_distance=0.04)
    # An effect of 1: ten seeds for 80 % power at 5 % (Cohen 1988, table 2.4.1).
    assert undecided.reason.endswith("about 10 seeds would decide it with 80% power")


def test_it_needs_no_baseline_and_may_be_about_it(sweep: SweepBuilder) -> None:
    sweep.confirm({LR: 0.003}, {1: 0.6, 2: 0.61, 3: 0.62})
    assert judged(sweep, cell={LR: 0.003}, away_from=0.5).outcome == Outcome.CONFIRMED


def test_a_metric_that_a_seed_has_not_decides_nothing(sweep: SweepBuilder) -> None:
    verdict = judged(with_values(sweep, 0.5, 0.5, 0.5), metric="gates/deviation", cell={LR: 0.01}, away_from=0.0)
    assert verdict.outcome == Outcome.UNDECIDED
    assert "seed 1 of the cell (no gates/deviation)" in verdict.reason


def test_a_claim_may_name_the_cell_it_compares_with(sweep: SweepBuilder) -> None:
    with_values(sweep, 3.0, 3.0, 3.0)
    sweep.confirm({LR: 0.02}, {1: 2.7, 2: 2.71, 3: 2.69})
    verdict = judged(sweep, cell={LR: 0.02}, against={LR: 0.01})
    assert (verdict.outcome, verdict.estimate) == (Outcome.CONFIRMED, pytest.approx(-0.1))
    assert "-10.00% against optimizer.lr = 0.01 over 3 pairs" in verdict.reason
    assert "nothing to compare" in judged(sweep, cell={LR: 0.01}, against={LR: 0.01}).reason


def test_against_a_cell_that_nobody_tried_nothing_is_decided(sweep: SweepBuilder) -> None:
    verdict = judged(with_values(sweep, 3.0, 3.0, 3.0), cell={LR: 0.01}, against={LR: 0.7})
    assert verdict.outcome == Outcome.UNDECIDED
    assert "no full run yet for seeds 1, 2, 3 of the baseline" in verdict.reason
