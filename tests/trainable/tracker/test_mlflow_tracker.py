"""What MLflow's files hold of a run, read back by its own client and as plain text."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainable.spec.compose import compose_run
from trainable.spec.config import RunConfig
from trainable.spec.mistakes import WrongRequest
from trainable.tracker.registry import Patience, start_trackers
from trainable.tracker.tracker import RunDescription

Described = Callable[..., tuple[RunConfig, RunDescription]]
PATIENCE = Patience(finish_seconds=60)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tracker sets is taken back."""
    monkeypatch.setattr(os, "environ", os.environ.copy())


def client(root: Path) -> Any:
    from mlflow.tracking import MlflowClient

    return MlflowClient((root / "mlruns").as_uri())


def runs(root: Path) -> list[Any]:
    found = client(root)
    return list(found.search_runs([experiment.experiment_id for experiment in found.search_experiments()]))


def record(described: Described, steps: range, resume_step: int | None = None, status: str = "completed", **named: str) -> RunDescription:
    config, run = described("tracking.mlflow=files", "tracking.notes=with care", "tracking.tags=[night]", **named)
    trackers = start_trackers(config, run, resume_step, patience=PATIENCE)
    for step in steps:
        trackers.log({"step": step, "train/loss": 5.0 - step / 100, "eval/loss": 1.5 if step == 20 else None}, step)
    trackers.log_summary({"metrics": {"test/loss": 1.25, "test/perplexity": None}})
    trackers.finish(status)
    return run


@pytest.mark.slow
def test_a_run_and_its_resumed_half(described: Described) -> None:
    run = record(described, range(10, 50, 10), status="interrupted")
    root = run.run_dir.parent.parent
    (first,) = runs(root)
    assert (first.info.run_name, first.info.status) == (run.experiment_id, "KILLED")
    record(described, range(30, 50, 10), resume_step=20)
    (second,) = runs(root)
    assert (second.info.run_name, second.info.status) == (run.experiment_id, "FINISHED")
    assert second.data.tags["status"] == "completed"
    assert (second.data.tags["night"], second.data.tags["mlflow.note.content"]) == ("true", "with care")
    assert (second.data.tags["final.test/loss"], second.data.params["optimizer.lr"]) == ("1.25", str(run.config["optimizer"]["lr"]))
    history = client(root).get_metric_history(second.info.run_id, "train/loss")
    assert [(metric.step, metric.value) for metric in history] == [(step, 5.0 - step / 100) for step in (10, 20, 30, 40)]
    (lines,) = [path.read_text() for path in root.glob(f"mlruns/*/{second.info.run_id}/metrics/eval/loss")]
    assert lines.split()[1:] == ["1.5", "20"]


def test_runs_of_a_sweep_are_in_one_experiment(described: Described) -> None:
    for name in ("one", "two"):
        root = record(described, range(10, 20, 10), name=name).run_dir.parent.parent
    assert {run.info.run_name for run in runs(root)} == {"one", "two"}
    assert len({run.info.experiment_id for run in runs(root)}) == 1


def test_what_is_not_a_number_is_kept(described: Described) -> None:
    config, run = described("tracking.mlflow=files")
    trackers = start_trackers(config, run, patience=PATIENCE)
    trackers.log({"train/loss": math.nan}, 10)
    trackers.finish("diverged")
    (found,) = runs(run.run_dir.parent.parent)
    assert math.isnan(found.data.metrics["train/loss"])
    assert found.info.status == "FAILED"


@pytest.mark.parametrize("store", ["on", "sqlite:///x.db", "https://user:secret@host"])
def test_another_store_is_refused_without_repeating_it(store: str) -> None:
    from trainable.request import request_run

    with pytest.raises(WrongRequest, match=r"^tracking\.mlflow must be off, files or a server's") as refused:
        request_run([f"tracking.mlflow={store}"])
    assert "secret" not in str(refused.value)


def test_it_is_off_unless_asked_for() -> None:
    assert compose_run([]).tracking.mlflow == "off"
