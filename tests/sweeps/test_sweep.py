"""Whole sweeps on a real Ray, as a user starts them: from the command to the verdict."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from trainable.spec.ledger import SweepState, read_events, replay
from trainable.spec.status import Status
from trainable.spec.sweep_dir import SweepDir

Overrides = Callable[..., list[str]]
pytestmark = [pytest.mark.ray, pytest.mark.slow]


def run(name: str, *arguments: str, folder: Path, code: int = 0) -> str:
    """Runs ``python -m sweeps.<name>`` in `folder` and returns what it printed."""
    done = subprocess.run([sys.executable, "-m", f"sweeps.{name}", *arguments], cwd=folder, capture_output=True, text=True, timeout=240)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


def the_sweep(folder: Path, name: str) -> tuple[SweepDir, SweepState]:
    (path,) = (folder / "results" / "sweeps").glob(f"{name}-*")
    return SweepDir(path), replay(read_events(SweepDir(path).ledger)[0])


def short(tiny_overrides: Overrides, *more: str) -> list[str]:
    return tiny_overrides("schedule.warmup_steps=0", "scheduler.grace_steps=4", "resources.max_concurrent_trials=2", *more)


def test_the_main_job_explores_confirms_and_ends_with_a_verdict(tmp_path: Path, tiny_overrides: Overrides) -> None:
    printed = run("lr_ablation", *short(tiny_overrides), folder=tmp_path)
    sweep_dir, state = the_sweep(tmp_path, "lr_ablation")
    assert any(word in printed for word in ("CONFIRMED", "REFUTED", "UNDECIDED"))
    assert "warning" not in printed.lower()
    for path in (
        sweep_dir.results,
        sweep_dir.trials,
        sweep_dir.metrics,
        sweep_dir.figures / "loss_curves.png",
        sweep_dir.figures / "metric_by_value.png",
    ):
        assert path.stat().st_size > 0
    _explored_then_confirmed(state)
    _parquet_agrees(sweep_dir, state)
    assert "nothing is missing" in run("lr_ablation", *short(tiny_overrides), folder=tmp_path)


def _explored_then_confirmed(state: SweepState) -> None:
    explored = [r for r in state.trials.values() if r.stage == "explore"]
    confirmed = [r for r in state.trials.values() if r.stage == "confirm"]
    assert len(explored) == 9
    assert {r.seed for r in explored} == {0}
    assert {r.seed for r in confirmed} == {1, 2, 3}
    assert len({r.cell for r in confirmed}) == 3
    assert {r.status for r in confirmed} == {Status.COMPLETED}
    assert any(r.status == Status.STOPPED_EARLY for r in explored)
    assert {event["status"] for event in state.endings} == {"finished"}


def _parquet_agrees(sweep_dir: SweepDir, state: SweepState) -> None:
    trials, metrics = pd.read_parquet(sweep_dir.trials), pd.read_parquet(sweep_dir.metrics)
    assert set(trials["trial"]) == set(state.trials)
    assert trials["note"].isna().all()
    assert not metrics.duplicated(["trial", "step"]).any()
    for record in state.trials.values():
        rows = metrics[(metrics["trial"] == record.trial) & metrics["eval/loss"].notna()]
        assert dict(zip(rows["step"], rows["eval/loss"], strict=True)) == {s: m["eval/loss"] for s, m in record.evaluations.items()}


def searched(tiny_overrides: Overrides, *more: str) -> list[str]:
    """lr_search with room for its warm-ups, which reach to 60 steps."""
    kept = [o for o in tiny_overrides(*more) if not o.startswith(("training.batch_size", "training.max_steps", "training.eval_interval"))]
    small = ["training.max_steps=64", "training.eval_interval=16", "scheduler.grace_steps=16", "resources.max_concurrent_trials=2"]
    return [*kept, *small, "sweep.seeds=[1]", "confirm.finalists=1"]


def test_promotion_and_optuna_search_mixed_domains(tmp_path: Path, tiny_overrides: Overrides) -> None:
    more = ("scheduler.promote=true", "explore.samples=6", "searcher.startup_trials=3")
    run("lr_search", *searched(tiny_overrides, *more), folder=tmp_path)
    sweep_dir, state = the_sweep(tmp_path, "lr_search")
    explored = [r for r in state.trials.values() if r.stage == "explore"]
    assert len(state.samples) == 7
    assert {"explore", "confirm"} == {r.stage for r in state.trials.values()}
    promoted = [r for r in explored if r.attempt > 1]
    assert promoted
    assert all(r.endings[0] == "paused" for r in promoted)
    assert any(r.status == Status.COMPLETED for r in explored)
    journal = [json.loads(line) for line in sweep_dir.optuna_journal.read_text().splitlines()]
    assert len(journal) > 7


def test_population_based_training_copies_checkpoints_and_keeps_the_lineage(tmp_path: Path, tiny_overrides: Overrides) -> None:
    more = ("scheduler=pbt", "searcher=random", "scheduler.perturbation_steps=16", "scheduler.quantile=0.5", "explore.samples=4")
    run("lr_search", *searched(tiny_overrides, *more), folder=tmp_path)
    sweep_dir, state = the_sweep(tmp_path, "lr_search")
    copied = [r for r in state.trials.values() if r.lineage]
    assert copied
    for record in copied:
        assert record.lineage[-1]["source"] in state.trials
        assert record.values == record.lineage[-1]["values"]
    trials: dict[str, Any] = pd.read_parquet(sweep_dir.trials).set_index("trial")["status"].to_dict()
    assert all(trials[record.trial] == "completed" for record in copied)


def test_a_dry_run_starts_and_writes_nothing(tmp_path: Path) -> None:
    printed = run("lr_ablation", "--dry-run", folder=tmp_path)
    assert "18 (9 to explore, 9 to confirm)" in printed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "arguments", "part"),
    [
        ("lr_ablaton", [], "did you mean 'lr_ablation'"),
        ("lr_ablation", ["--retry=foo"], "--retry 'foo'"),
        ("lr_ablation", ["resources.gpus_per_trial=64"], "resources.gpus_per_trial=64"),
        ("lr_ablation", ["experiment.results_dir=/proc/nowhere"], "cannot be written"),
        ("lr_ablation", ["data=text"], "data.path"),
    ],
)
def test_a_wrong_request_ends_with_2_and_leaves_nothing(name: str, arguments: list[str], part: str, tmp_path: Path) -> None:
    assert part in run(name, *arguments, folder=tmp_path, code=2)
    assert list(tmp_path.iterdir()) == []
