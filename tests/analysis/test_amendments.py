"""Claims, seeds and confidence that were changed once results could be known: every page says so, next to the verdict."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from sweep_on_disk import BETTER, LR, SweepBuilder

from analysis.load import load_sweep
from analysis.report.conclusion import conclude
from trainable.spec.statement import Claim

FAR = Claim("the winner is 90 % better", -0.9)


@pytest.fixture
def ended(sweep: SweepBuilder) -> SweepBuilder:
    """A finished sweep whose driver wrote down what it was to show."""
    sweep.event("driver_started", host="h", pid=1, command="c", commit=None, stated=sweep.statement.preregistered())
    sweep.finalists(sweep.cell({LR: 0.01}))
    sweep.confirm({LR: 0.003}, {1: 4.0, 2: 4.2, 3: 4.1})
    sweep.confirm({LR: 0.01}, {1: 3.6, 2: 3.78, 3: 3.731})
    return sweep


def amend(sweep: SweepBuilder, time: str, **values: Any) -> None:
    """As the command of a sweep that was edited does it."""
    sweep.statement = replace(sweep.statement, **values).amending(sweep.statement, time)
    sweep.event("driver_started", host="h", pid=1, command="c", commit=None, stated=sweep.statement.preregistered())


def test_what_was_never_changed_says_so_nowhere(ended: SweepBuilder) -> None:
    conclusion = conclude(ended.write())
    assert conclusion.notes == []
    assert "after the start" not in ended.directory.results.read_text() + ended.directory.page.read_text()
    assert "Claims written down 2026-03-01T11:59:00+00:00, before the first trial." in (ended.directory.tables / "claims.md").read_text()


def test_a_claim_that_was_exchanged_after_the_start_says_so_with_its_verdict(ended: SweepBuilder) -> None:
    ended.statement.claims = [FAR]
    ended.events[0]["stated"] = ended.statement.preregistered()
    amend(ended, "2026-03-02", claims=[BETTER])
    conclusion = conclude(ended.write())
    assert conclusion.verdicts[0].reason.endswith("; claimed only since 2026-03-02, after the start")
    told = (
        "hanged 2026-03-02, after the start: no longer claimed: “the winner is 90 % better” (superiority, eval/loss, bound -90.00%); "
        "claimed since: “the winner beats the baseline” (superiority, eval/loss, bound +0.00%)"
    )
    assert conclusion.notes == [f"c{told}"]
    assert f"⚠️ C{told}." in ended.directory.results.read_text().partition("## Overview")[0]
    assert f"c{told}" in ended.directory.page.read_text()
    assert "Claims written down 2026-03-02, after the start." in (ended.directory.tables / "claims.md").read_text()


def test_seeds_that_were_added_and_another_confidence_stand_in_every_reason(ended: SweepBuilder) -> None:
    ended.statement = replace(ended.statement, seeds=[1, 2], confidence=0.99)
    ended.events[0]["stated"] = ended.statement.preregistered()
    amend(ended, "2026-03-02", seeds=[1, 2, 3])
    amend(ended, "2026-03-03", confidence=0.95)
    conclusion = conclude(ended.write())
    assert conclusion.verdicts[0].reason.endswith("; seeds until 2026-03-02: 1, 2; confidence until 2026-03-03: 0.99")
    assert conclusion.notes == [
        "changed 2026-03-02, after the start: seeds had been 1, 2",
        "changed 2026-03-03, after the start: confidence had been 0.99",
    ]


def test_a_hypothesis_is_dated_by_its_last_change(ended: SweepBuilder) -> None:
    amend(ended, "2026-03-02", hypothesis="It was to be expected.")
    conclude(ended.write())
    assert "It was to be expected. Written down 2026-03-02, after the start." in ended.directory.results.read_text()


@pytest.mark.parametrize(
    ("name", "value"), [("claims", [asdict(FAR)]), ("seeds", [1, 2]), ("confidence", 0.5), ("hypothesis", "So it is.")]
)
def test_a_statement_that_was_altered_by_hand_contradicts_the_ledger(ended: SweepBuilder, name: str, value: Any) -> None:
    directory = ended.write()
    directory.statement.write_text(json.dumps(json.loads(directory.statement.read_text()) | {name: value}))
    assert load_sweep(directory).notes == [f"sweep.json has been altered: {name} had been told otherwise when the last driver started"]


def test_an_amendment_that_was_taken_out_by_hand_contradicts_the_ledger(ended: SweepBuilder) -> None:
    amend(ended, "2026-03-02", claims=[FAR])
    ended.statement.amendments = []
    assert load_sweep(ended.write()).notes == ["sweep.json has been altered: it knows of 0 changes after the start, the ledger of 1"]


def test_a_ledger_without_statements_and_one_from_before_a_field_came_contradict_nothing(ended: SweepBuilder) -> None:
    del ended.events[0]["stated"]["claims"][0]["min_distance"]
    assert load_sweep(ended.write()).notes == []
    del ended.events[0]["stated"]
    assert load_sweep(ended.write()).notes == []


@pytest.mark.parametrize("amendment", [{}, {"before": 1}, {"before": {"claims": [{"unknown": 1}]}}, 3])
def test_a_damaged_amendment_is_told_as_a_damaged_statement(ended: SweepBuilder, amendment: Any) -> None:
    ended.statement.amendments = [amendment]
    directory = ended.write()
    with pytest.raises(ValueError, match="cannot be read as a sweep statement"):
        load_sweep(directory)
