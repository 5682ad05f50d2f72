import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainable.spec.run_observations import conclusion, next_steps, observations
from trainable.spec.run_page import Standing, run_page
from trainable.spec.run_summary import RunSummary, as_markdown
from trainable.spec.status import Status


def told(**changes: Any) -> dict[str, Any]:
    config = {"model": {"name": "tiny", "vocab_size": 100}, "optimizer": {"name": "adamw", "lr": 3e-3}, "experiment": {"paper": "paper1"}}
    summary = RunSummary(
        experiment_id="20260301_1200_baseline-adam_tiny_lr3e-3",
        trial="abc-s1",
        cell="abc",
        seed=1,
        stage="confirm",
        status=Status.COMPLETED,
        config=config,
        hypothesis="Larger is faster.",
        started="2026-03-01T12:00:00+00:00",
        duration_seconds=5400.0,
        step=40,
        max_steps=40,
        tokens=20480,
        parameters=1_000_000,
        optimizer_state_bytes=8_000_000,
        predicted_peak_memory_gb=0.4,
        metrics={"train/loss": 3.0, "eval/loss": 3.06, "memory/peak_gb": 0.5, "quant/error_m": 1e-5},
        best_metrics={"eval/loss": 3.0},
        best_step=20,
    )
    return {**summary.as_json(), **changes}


def section(page: str, title: str) -> str:
    return page.split(f"## {title}\n")[1].split("\n---")[0].strip()


def test_the_page_has_every_part_of_the_template() -> None:
    page = run_page(told())
    titles = [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]
    assert titles == ["Hypothesis", "Configuration", "Results", "Observations", "Conclusion", "Next Steps", "Files"]
    for line in ("**Date:** 2026-03-01", "**Status:** ✅ completed", "**Duration:** 1.500 hours", "**Paper:** paper1"):
        assert f"\n{line}  \n" in page
    assert "| Metric | Value | Baseline | Delta | Target |" in page
    assert "| Val loss | 3.0600 | – | – | – |" in page
    assert "| quant/error_m | 1.000e-05 | – | – | – |" in page
    assert "Test loss" not in page


def test_a_standing_fills_baseline_delta_target_and_conclusion() -> None:
    standing = Standing(
        "lr = 1e-3, seed 1", {"eval/loss": 3.4, "optimizer_state_bytes": 16e6}, {"eval/loss": "≤ -1.00%"}, ["far ahead"], ["✅ Yes."]
    )
    page = run_page(told(), standing)
    assert "| Val loss | 3.0600 | 3.4000 | -10.0% | ≤ -1.00% |" in page
    assert "| Optimizer state (MB) | 8.0000 | 16.0000 | -50.0% | – |" in page
    assert "Baseline: lr = 1e-3, seed 1." in page
    assert section(page, "Conclusion") == "✅ Yes."
    assert "- far ahead" in section(page, "Observations")


def test_observations_are_computed() -> None:
    said = observations(told())
    assert said[0] == "Validation loss was lowest at step 20 (3.0000) and rose by 2.0% until step 40."
    assert "Validation loss lies 0.0600 above the training loss of the last logged step." in said
    assert "Peak memory was 0.500 GB, +25.0% against the predicted 0.400 GB." in said
    assert observations(told(best_step=40, best_metrics={"eval/loss": 3.06}))[0].endswith("(step 40): it had not begun to rise.")
    worse = observations(told(metrics={"eval/loss": math.log(100) + 0.1}))
    assert any("no better than guessing uniformly among 100 tokens (4.6052)" in text for text in worse)
    assert observations({}) == []


@pytest.mark.parametrize("status", list(Status))
def test_every_end_has_its_words(status: Status) -> None:
    ended = told(status=status, stop_reason="loss is not finite", error="RuntimeError: ```" if status == Status.FAILED else None)
    assert len(conclusion(ended)) == 1
    page = run_page(ended)
    assert (status == Status.COMPLETED) == ("**Status:** ✅" in page)
    assert page.count("```") == (2 if status == Status.FAILED else 0)
    assert ("smaller learning rate than 0.003" in "".join(next_steps(ended))) == (status == Status.DIVERGED)


def test_the_run_itself_writes_the_same_page() -> None:
    summary = RunSummary("id", "t", "c", 1, "single", Status.RUNNING, {})
    assert as_markdown(summary) == run_page(summary.as_json())
    assert summary.as_json()["observations"] == []


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(told())), _JSON))
def test_any_summary_that_is_json_has_a_page(values: dict[str, Any]) -> None:
    assert run_page(values).startswith("# Experiment: ")
    assert run_page({**told(), **values}).startswith("# Experiment: ")


def test_a_short_run_says_its_seconds_too() -> None:
    assert "\n**Duration:** 0.012 hours (42.1 s)  \n" in run_page(told(duration_seconds=42.1))
