from dataclasses import replace
from typing import Any

import pytest
from sweep_on_disk import BETTER, LR, SweepBuilder

from analysis.load import load_sweep
from analysis.significance import t_quantile
from analysis.summarize import rows_of_sweep
from analysis.verdict import Outcome, Verdict, verdicts
from trainable.spec.statement import ALL_CELLS, Claim
from trainable.spec.status import Stage, Status

BASE = {1: 4.0, 2: 5.0, 3: 8.0}


def judged(sweep: SweepBuilder, **claim: Any) -> Verdict:
    sweep.statement.claims = [replace(BETTER, **claim)]
    loaded = load_sweep(sweep.write())
    (verdict,) = verdicts(loaded.statement, rows_of_sweep(loaded))
    return verdict


def confirmed(sweep: SweepBuilder, differences: dict[int, float], lr: float = 0.01) -> SweepBuilder:
    """A finished sweep whose winner differs from the baseline by these shares, seed by seed."""
    sweep.finalists(sweep.cell({LR: lr}))
    sweep.confirm({LR: 0.003}, {seed: BASE[seed] for seed in differences})
    sweep.confirm({LR: lr}, {seed: BASE[seed] * (1 + share) for seed, share in differences.items()})
    return sweep


DIFFERENCES = {1: -0.04, 2: -0.05, 3: -0.06}
# mean -0.05, s = 0.01, n = 3: half width t_(0.975, 2) * 0.01 / sqrt(3) = 4.3027 * 0.0057735.
LOW, HIGH = -0.05 - 0.0248414, -0.05 + 0.0248414


@pytest.mark.parametrize(
    ("threshold", "outcome"),
    [(0.0, "CONFIRMED"), (-0.0251, "CONFIRMED"), (-0.0252, "UNDECIDED"), (-0.0748, "UNDECIDED"), (-0.0749, "REFUTED")],
)
def test_the_interval_against_the_claimed_bound(sweep: SweepBuilder, threshold: float, outcome: str) -> None:
    verdict = judged(confirmed(sweep, DIFFERENCES), max_relative_difference=threshold)
    assert verdict.outcome == outcome
    assert (verdict.estimate, verdict.low, verdict.high) == pytest.approx((-0.05, LOW, HIGH), abs=1e-6)
    assert (verdict.n_pairs, verdict.threshold, verdict.subject) == (3, threshold, "optimizer.lr = 0.01")
    assert "-5.00% against the baseline over 3 pairs of seeds, 95% interval [-7.48%, -2.52%]" in verdict.reason


def test_an_undecided_claim_says_how_many_seeds_would_decide_it(sweep: SweepBuilder) -> None:
    verdict = judged(confirmed(sweep, DIFFERENCES), max_relative_difference=-0.04)
    # The distance is 0.01 and s is 0.01: the first n with t_(n-1) < sqrt(n) is 7 (2.447 < 2.646; for 6: 2.571 > 2.449).
    assert t_quantile(0.95, 5) > 6**0.5
    assert t_quantile(0.95, 6) < 7**0.5
    assert verdict.reason.endswith("about 7 seeds would decide it")


def test_seeds_are_paired_so_that_their_common_spread_does_not_matter(sweep: SweepBuilder) -> None:
    # The baseline's seeds lie between 4 and 8; a difference of 1 % is still seen.
    assert judged(confirmed(sweep, {1: -0.0101, 2: -0.01, 3: -0.0099})).outcome == Outcome.CONFIRMED


def test_higher_is_better_turns_the_sign(sweep: SweepBuilder) -> None:
    verdict = judged(confirmed(sweep, DIFFERENCES), higher_is_better=True)
    assert verdict.outcome == Outcome.REFUTED
    assert verdict.estimate == pytest.approx(0.05)


def test_without_finalists_nothing_is_decided(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01}, final=1.0)
    verdict = judged(sweep)
    assert (verdict.outcome, verdict.reason, verdict.estimate) == (Outcome.UNDECIDED, "exploration has not named its finalists yet", None)


def test_a_baseline_that_wins_is_compared_with_nothing(sweep: SweepBuilder) -> None:
    sweep.finalists(sweep.statement.baseline_cell)
    sweep.confirm({LR: 0.003}, BASE)
    verdict = judged(sweep)
    assert verdict.outcome == Outcome.UNDECIDED
    assert "the baseline itself" in verdict.reason


def test_a_confirmation_under_way_decides_nothing_yet(sweep: SweepBuilder) -> None:
    confirmed(sweep, {1: -0.5, 2: -0.5})
    sweep.trial({LR: 0.01}, seed=3, stage=Stage.CONFIRM, status=Status.INTERRUPTED)
    verdict = judged(sweep)
    assert verdict.outcome == Outcome.UNDECIDED
    assert verdict.reason == "the confirmation is not finished: no full run yet for seed 3 of the cell and seed 3 of the baseline"
    assert (verdict.estimate, verdict.n_pairs) == (pytest.approx(-0.5), 2)


@pytest.mark.parametrize(("lr", "who"), [(0.01, "the cell"), (0.003, "the baseline")])
@pytest.mark.parametrize("status", [Status.DIVERGED, Status.OUT_OF_MEMORY, Status.FAILED, Status.STOPPED_EARLY])
def test_a_dead_seed_on_either_side_decides_nothing(sweep: SweepBuilder, lr: float, who: str, status: Status) -> None:
    confirmed(sweep, {1: -0.5, 2: -0.5})
    other = 0.003 if lr == 0.01 else 0.01
    sweep.confirm({LR: other}, {3: 4.0})
    sweep.trial({LR: lr}, seed=3, stage=Stage.CONFIRM, status=status, final=0.1)
    verdict = judged(sweep)
    assert (verdict.outcome, verdict.reason) == (Outcome.UNDECIDED, f"not every seed brought a number: seed 3 of {who} ({status})")


def test_one_seed_is_not_enough(sweep: SweepBuilder) -> None:
    sweep.statement.seeds = [1]
    verdict = judged(confirmed(sweep, {1: -0.5}))
    assert (verdict.outcome, verdict.reason) == (Outcome.UNDECIDED, "1 pair of seeds: an interval needs at least 2")


def test_no_trial_of_the_exploration_enters_a_claim(sweep: SweepBuilder) -> None:
    confirmed(sweep, DIFFERENCES)
    before = judged(sweep)
    for seed in (11, 12, 13):
        sweep.trial({LR: 0.01}, seed=seed, final=9.0)
        sweep.trial({LR: 0.003}, seed=seed, status=Status.STOPPED_EARLY, final=0.1)
    assert judged(sweep) == before


def test_a_claim_on_one_cell_by_its_values(sweep: SweepBuilder) -> None:
    confirmed(sweep, DIFFERENCES)
    sweep.confirm({LR: 0.02}, {seed: value * 1.5 for seed, value in BASE.items()})
    assert judged(sweep, cell={LR: 0.02}).outcome == Outcome.REFUTED
    assert judged(sweep, cell={LR: 0.01}).outcome == Outcome.CONFIRMED
    assert judged(sweep, cell={LR: 0.5}).reason == "no trial has the values {'optimizer.lr': 0.5}"


def test_a_claim_on_every_cell_needs_every_cell(sweep: SweepBuilder) -> None:
    confirmed(sweep, DIFFERENCES)
    sweep.confirm({LR: 0.02}, {1: 3.8, 2: 4.7, 3: 7.6})
    assert judged(sweep, cell=ALL_CELLS).outcome == Outcome.CONFIRMED
    sweep.trial({LR: 0.5}, status=Status.STOPPED_EARLY)
    undecided = judged(sweep, cell=ALL_CELLS)
    assert undecided.outcome == Outcome.UNDECIDED
    assert undecided.reason.startswith("1 of 3 cells undecided; optimizer.lr = 0.5: the confirmation is not finished")
    sweep.confirm({LR: 0.03}, {seed: value * 1.5 for seed, value in BASE.items()})
    refuted = judged(sweep, cell=ALL_CELLS)
    assert (refuted.outcome, refuted.subject) == (Outcome.REFUTED, "optimizer.lr = 0.03")


def test_claims_are_judged_each_by_its_own_metric(sweep: SweepBuilder) -> None:
    confirmed(sweep, DIFFERENCES)
    sweep.statement.claims = [Claim("loss", 0.0), Claim("memory", -0.2, metric="memory/peak_gb")]
    loaded = load_sweep(sweep.write())
    first, second = verdicts(loaded.statement, rows_of_sweep(loaded))
    assert (first.claim, first.outcome) == ("loss", Outcome.CONFIRMED)
    # Every run peaked at 0.5 GB: the difference is 0 without spread, which is not below -20 %.
    assert (second.claim, second.outcome, second.low, second.high) == ("memory", Outcome.REFUTED, 0.0, 0.0)
