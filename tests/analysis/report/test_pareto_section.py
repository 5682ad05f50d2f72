from typing import Any

from sweep_on_disk import LR, SweepBuilder

from analysis.load import load_sweep
from analysis.report.pareto import pareto_set, section
from analysis.study import Study
from analysis.summarize import rows_of_sweep

METRICS = ["eval/loss", "memory/peak_gb"]


def row(trial: str, loss: float | None, memory: float, **more: Any) -> dict[str, Any]:
    return {"trial": trial, "stage": "explore", "status": "completed", "eval/loss": loss, "memory/peak_gb": memory, **more}


def names(rows: list[dict[str, Any]], signs: tuple[float, float] = (1.0, 1.0)) -> list[str]:
    return [found["trial"] for found in pareto_set(rows, METRICS, signs)]


def test_a_trial_is_in_the_set_unless_another_is_as_good_in_all_and_better_in_one() -> None:
    rows = [row("cheap", 5.0, 1.0), row("good", 4.0, 3.0), row("beaten", 5.0, 2.0), row("twin", 4.0, 3.0), row("middle", 4.5, 2.0)]
    assert names(rows) == ["good", "twin", "middle", "cheap"]
    assert names(rows, (1.0, -1.0)) == ["good", "twin"]


def test_only_full_runs_with_every_metric_count() -> None:
    rows = [
        row("stopped", 1.0, 1.0, status="stopped_early"),
        row("confirmed", 1.0, 1.0, stage="confirm"),
        row("no loss", None, 0.1),
        row("infinite", float("inf"), 0.1),
        row("left", 5.0, 2.0),
    ]
    assert names(rows) == ["left"]


def study_of(sweep: SweepBuilder) -> Study:
    loaded = load_sweep(sweep.write())
    return Study(loaded.statement, rows_of_sweep(loaded), loaded.directory.metrics)


def test_the_section_stands_in_a_report_of_several_metrics_only(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01}, final=4.0)
    assert section(study_of(sweep)) == []
    sweep.statement.settings = {"sweep": {"metric": METRICS}}
    page = "\n".join(section(study_of(sweep)))
    assert "## Pareto set" in page
    assert "lr = 0.01" in page
