"""The page of each run, once the sweep knows what the run could not."""

from pathlib import Path
from unittest.mock import patch

import pytest
from sweep_on_disk import LR, SweepBuilder, losses

from analysis.report import conclusion
from analysis.report.run_pages import target
from trainable.spec.statement import EQUIVALENCE, Claim
from trainable.spec.status import Status


def concluded(sweep: SweepBuilder) -> None:
    with patch.object(conclusion, "draw_figures", return_value=[]):
        conclusion.conclude(sweep.write())


def page(sweep: SweepBuilder, trial: str) -> str:
    return sweep.run_dir(trial).summary_markdown.read_text()


def test_the_winners_page_has_baseline_target_and_verdict(lived: SweepBuilder) -> None:
    concluded(lived)
    text = page(lived, f"{lived.cell({LR: 0.01})}-s2")
    # Seed 2: 3.78 against the baseline's 4.2.
    assert "| Val loss | 3.7800 | 4.2000 | -10.0% | < +0.00% |" in text
    assert "Baseline: lr = 3e-3 (baseline), seed 2, `" in text
    assert "✅ Hypothesis confirmed: the winner beats the baseline -9.67% against the baseline over 3 pairs of seeds" in text
    assert "This is the baseline" in page(lived, f"{lived.statement.baseline_cell}-s1")


def test_runs_of_the_exploration_enter_no_claim(lived: SweepBuilder) -> None:
    concluded(lived)
    first = page(lived, f"{lived.cell({LR: 0.01})}-s0")
    assert "Place 1 of 3 full runs of the exploration by eval/loss." in first
    assert "Hypothesis confirmed" not in first
    stopped = page(lived, f"{lived.cell({LR: 0.0001})}-s0")
    assert "At the rung of step 20 eval/loss was 6.5000, the cutoff 5.5000." in stopped
    assert "enter no claim" in stopped
    assert "❌ Diverged at step 20 of 40" in page(lived, f"{lived.cell({LR: 1.0})}-s0")


def test_the_runs_own_numbers_and_pages_under_way_are_left_alone(sweep: SweepBuilder) -> None:
    ended, running = sweep.trial({LR: 0.01}), sweep.trial({LR: 0.02}, status=Status.RUNNING, rows=losses(5.0, steps=20))
    before = sweep.run_dir(ended).summary.read_bytes()
    concluded(sweep)
    assert sweep.run_dir(ended).summary.read_bytes() == before
    assert not sweep.run_dir(running).summary_markdown.exists()
    written = sweep.run_dir(ended).summary_markdown.stat().st_mtime_ns
    concluded(sweep)
    assert sweep.run_dir(ended).summary_markdown.stat().st_mtime_ns == written


def test_a_page_that_cannot_be_written_is_a_note(sweep: SweepBuilder) -> None:
    trial = sweep.trial({LR: 0.01})
    sweep.run_dir(trial).summary_markdown.mkdir()
    with patch.object(conclusion, "draw_figures", return_value=[]):
        notes = conclusion.conclude(sweep.write()).notes
    assert any("summary.md could not be written" in note for note in notes)
    assert Path(sweep.directory.results).is_file()


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        (Claim("", -0.05), "< -5.00%"),
        (Claim("", 0.01, higher_is_better=True), "> -1.00%"),
        (Claim("", 0.01, kind=EQUIVALENCE), "within ±1.00%"),
        (Claim("", away_from=0.5, min_distance=0.1), "further than 0.1 from 0.5"),
    ],
)
def test_a_target_says_what_was_claimed(claim: Claim, text: str) -> None:
    assert target(claim) == text
