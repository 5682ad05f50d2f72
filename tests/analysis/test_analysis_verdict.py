import json
from dataclasses import replace
from typing import Any

import pytest
from scipy import stats
from sweep_on_disk import BETTER, LR, SweepBuilder

from analysis.load import load_sweep
from analysis.summarize import rows_of_sweep
from analysis.verdict import Outcome, Verdict, verdicts
from trainable.spec.statement import ALL_CELLS, EQUIVALENCE, NON_INFERIORITY, SUPERIORITY, Claim
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
    # The distance is 0.01 and s is 0.01, an effect of 1: ten pairs for 80 % power at 5 % (Cohen 1988, table 2.4.1 for pairs).
    assert verdict.reason.endswith("about 10 seeds would decide it with 80% power")


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


@pytest.mark.parametrize(
    "told", [{"metrics": {"eval/loss": 2.0}}, {"seed": 2}, {"cell": "another"}, {"config": {"optimizer": {"lr": 0.5}}}, {"step": 20}]
)
def test_a_number_that_ledger_and_run_directory_tell_differently_decides_nothing(sweep: SweepBuilder, told: dict[str, Any]) -> None:
    confirmed(sweep, DIFFERENCES)
    assert judged(sweep).outcome == Outcome.CONFIRMED
    summary = sweep.run_dir(f"{sweep.cell({LR: 0.01})}-s3").summary
    summary.write_text(json.dumps(json.loads(summary.read_text()) | told))
    verdict = judged(sweep)
    assert (verdict.outcome, verdict.n_pairs) == (Outcome.UNDECIDED, 2)
    assert verdict.reason == "not every seed brought a number: seed 3 of the cell (no eval/loss, see its note)"


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


@pytest.mark.parametrize(
    ("differences", "margin", "outcome", "says"),
    [
        # s = 0.001, n = 3: half widths 2.9200 and 4.3027 times 0.001 / sqrt(3) are 0.001686 (90 %) and 0.002484 (95 %).
        ({1: -0.001, 2: 0.0, 3: 0.001}, 0.0017, "CONFIRMED", "90% interval [-0.17%, +0.17%], which lies within ±0.17% of the baseline"),
        ({1: -0.001, 2: 0.0, 3: 0.001}, 0.0016, "UNDECIDED", "which lies neither within ±0.16% of the baseline nor outside"),
        ({1: -0.011, 2: -0.01, 3: -0.009}, 0.0075, "REFUTED", "95% interval [-1.25%, -0.75%], which does not lie within ±0.75%"),
        # Outside at 90 %, but not at 95 %.
        ({1: 0.009, 2: 0.01, 3: 0.011}, 0.0076, "UNDECIDED", "nor outside"),
    ],
)
def test_equivalence_is_confirmed_by_two_one_sided_tests_and_refuted_by_the_interval(
    sweep: SweepBuilder, differences: dict[int, float], margin: float, outcome: str, says: str
) -> None:
    verdict = judged(confirmed(sweep, differences), max_relative_difference=margin, kind=EQUIVALENCE)
    assert (verdict.outcome, verdict.kind) == (outcome, EQUIVALENCE)
    assert says in verdict.reason
    assert (verdict.p_value is not None and verdict.p_value < 0.05) == (outcome != "UNDECIDED")


def test_equivalence_is_the_same_whichever_way_is_better(sweep: SweepBuilder) -> None:
    confirmed(sweep, {1: -0.02, 2: -0.021, 3: -0.019})
    for higher in (False, True):
        assert judged(sweep, max_relative_difference=0.01, kind=EQUIVALENCE, higher_is_better=higher).outcome == Outcome.REFUTED


def test_undecided_equivalence_says_how_many_seeds_would_decide_it(sweep: SweepBuilder) -> None:
    verdict = judged(confirmed(sweep, {1: -0.01, 2: 0.0, 3: 0.01}), max_relative_difference=0.01, kind=EQUIVALENCE)
    # Mean 0 and s equal to the margin: 11 pairs (power 0.795 with 10, see tests of the power).
    assert verdict.reason.endswith("about 11 seeds would decide it with 80% power")


def test_the_kind_of_a_claim_is_told_and_does_not_change_a_one_sided_decision(sweep: SweepBuilder) -> None:
    confirmed(sweep, {1: 0.004, 2: 0.005, 3: 0.006})
    verdict = judged(sweep, max_relative_difference=0.01)
    assert (verdict.outcome, verdict.kind) == (Outcome.CONFIRMED, NON_INFERIORITY)
    assert "which lies below the margin of +1.00%" in verdict.reason
    assert replace(verdict, kind="", reason="") == replace(
        judged(sweep, max_relative_difference=0.01, kind=SUPERIORITY), kind="", reason=""
    )


def several(sweep: SweepBuilder, *claims: Claim) -> list[Verdict]:
    sweep.statement.claims = list(claims)
    loaded = load_sweep(sweep.write())
    return verdicts(loaded.statement, rows_of_sweep(loaded))


def test_one_claim_is_not_corrected(sweep: SweepBuilder) -> None:
    (verdict,) = several(confirmed(sweep, DIFFERENCES), BETTER)
    assert verdict.p_value == verdict.adjusted_p_value == pytest.approx(float(stats.ttest_1samp(list(DIFFERENCES.values()), 0.0).pvalue))
    assert "Holm" not in verdict.reason


def test_over_several_claims_holm_decides_whether_a_verdict_stands(sweep: SweepBuilder) -> None:
    confirmed(sweep, DIFFERENCES)
    # t = -(0.05 - bound) / (0.01 / sqrt(3)): p = 0.0131 for a bound of 0, 0.0351 for -0.02; twice and once that stay below 0.05.
    both = several(sweep, Claim("better", 0.0), Claim("2 % better", -0.02))
    assert [verdict.outcome for verdict in both] == ["CONFIRMED", "CONFIRMED"]
    assert [verdict.p_value for verdict in both] == pytest.approx([0.01307, 0.03510], abs=1e-5)
    assert [verdict.adjusted_p_value for verdict in both] == pytest.approx([0.02614, 0.03510], abs=1e-5)
    assert both[0].reason.endswith("p = 0.013, 0.026 after Holm's correction over the 2 claims of this sweep")
    # With two claims on something else that say nothing certain, the second p value is taken twice.
    others = [Claim("no seed", 0.0, cell={LR: 0.5}), Claim("undecided", -0.04)]
    better, by_2_percent, no_seed, undecided = several(sweep, Claim("better", 0.0), Claim("2 % better", -0.02), *others)
    assert (better.outcome, better.adjusted_p_value) == (Outcome.UNDECIDED, pytest.approx(4 * 0.01307, abs=1e-4))
    assert (
        "by itself that would be CONFIRMED, but p = 0.013, 0.052 after Holm's correction over the 4 claims of this sweep, above 0.05"
        in better.reason
    )
    assert by_2_percent.outcome == Outcome.UNDECIDED
    assert (no_seed.p_value, no_seed.adjusted_p_value, no_seed.reason) == (None, None, "no trial has the values {'optimizer.lr': 0.5}")
    assert undecided.outcome == Outcome.UNDECIDED
    assert "Holm" not in undecided.reason


def test_seeds_for_a_verdict_among_many_are_counted_at_its_share_of_alpha(sweep: SweepBuilder) -> None:
    claims = [Claim("4 % better", -0.04), *(Claim(f"claim {n}", 0.0, cell={LR: 0.5}) for n in range(9))]
    first, *_ = several(confirmed(sweep, DIFFERENCES), *claims)
    # An effect of 1 at 5 % / 10, two-sided: statsmodels' TTestPower gives 17.3 pairs.
    assert first.reason.endswith("about 18 seeds would decide it with 80% power")


def test_a_measurement_without_spread_costs_the_other_claims_nothing(sweep: SweepBuilder) -> None:
    confirmed(sweep, DIFFERENCES)
    bytes_claims = [Claim("state", 0.1, metric="optimizer_state_bytes"), Claim("state too", 0.0, metric="optimizer_state_bytes")]
    *found, loss = several(sweep, *bytes_claims, Claim("2 % better", -0.02))
    assert [(verdict.outcome, verdict.p_value) for verdict in found] == [("CONFIRMED", 0.0), ("REFUTED", 0.0)]
    assert (loss.outcome, loss.adjusted_p_value) == (Outcome.CONFIRMED, loss.p_value)


def test_one_of_many_cells_that_refutes_is_corrected_for_their_number(sweep: SweepBuilder) -> None:
    confirmed(sweep, {1: 0.01, 2: 0.011, 3: 0.0075})
    alone = judged(sweep, cell=ALL_CELLS)
    assert alone.outcome == Outcome.REFUTED
    assert alone.p_value == pytest.approx(0.01179, abs=1e-5)
    for lr in (0.02, 0.03, 0.04, 0.05):
        sweep.confirm({LR: lr}, {1: 3.0, 2: 4.0, 3: 7.5})
    among = judged(sweep, cell=ALL_CELLS)
    assert among.p_value == pytest.approx(5 * 0.01179, abs=1e-4)
    assert among.outcome == Outcome.UNDECIDED
    assert "1 of 5 cells refuted" in among.reason
    assert "by itself that would be REFUTED, but p = 0.059, above 0.05" in among.reason


def test_every_cell_confirms_with_the_largest_p_value(sweep: SweepBuilder) -> None:
    confirmed(sweep, DIFFERENCES)
    sweep.confirm({LR: 0.02}, {1: 3.8, 2: 4.7, 3: 7.6})
    assert judged(sweep, cell=ALL_CELLS).p_value == pytest.approx(max(judged(sweep, cell={LR: lr}).p_value or 0.0 for lr in (0.01, 0.02)))


def test_a_winner_at_the_edge_of_its_grid_is_told(sweep: SweepBuilder) -> None:
    confirmed(sweep, DIFFERENCES)
    sweep.trial({LR: 0.001}, final=6.0)
    assert judged(sweep).reason.endswith("; optimizer.lr = 0.01 is the largest of the 3 values tried: extend the space")
    sweep.trial({LR: 0.03}, status=Status.DIVERGED)
    assert "extend" not in judged(sweep).reason


def test_without_an_exploration_nobody_is_the_winner(sweep: SweepBuilder) -> None:
    sweep.statement.settings = {"explore": {"enabled": False}}
    unnamed = judged(confirmed(sweep, DIFFERENCES), max_relative_difference=0.0)
    assert (unnamed.outcome, unnamed.reason) == ("UNDECIDED", "without an exploration there is no winner")
    rows = rows_of_sweep(load_sweep(sweep.directory))
    assert {row["finalist_rank"] for row in rows} == {None}


def test_without_an_exploration_a_claim_is_about_the_cell_it_names(sweep: SweepBuilder) -> None:
    sweep.statement.settings = {"explore": {"enabled": False}}
    assert judged(confirmed(sweep, DIFFERENCES), max_relative_difference=0.0, cell={LR: 0.01}).outcome == "CONFIRMED"
