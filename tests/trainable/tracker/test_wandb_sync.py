"""``wandb sync`` of an offline run, by wandb's own program, to a service on this machine: everything that was logged arrives."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trainable.tracker.wandb_records import recorded
from tests.trainable.tracker.wandb_service import wandb_service
from trainable.spec.config import RunConfig
from trainable.tracker.registry import start_trackers
from trainable.tracker.tracker import RunDescription

Described = Callable[..., tuple[RunConfig, RunDescription]]


@pytest.mark.slow
def test_an_offline_run_arrives_whole(described: Described, tmp_path: Path) -> None:
    config, run = described("tracking.wandb=offline", "tracking.plots=true")
    trackers = start_trackers(config, run)
    logged = {step: {"train/loss": 2.0 / step, "epoch": 0} for step in range(10, 60, 10)}
    for step, row in logged.items():
        trackers.log(row, step)
    trackers.log_summary({"tokens": 4096})
    trackers.finish("completed")
    assert recorded(run.run_dir)["exits"] == 1
    shutil.copytree(run.run_dir, tmp_path / "moved")  # as an archive would: nothing in it may point back
    shutil.rmtree(run.run_dir)
    (offline,) = (tmp_path / "moved" / "wandb").glob("offline-run-*")

    with wandb_service() as received:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
        environment |= {"WANDB_BASE_URL": received.url, "WANDB_API_KEY": "0" * 40, "HOME": str(tmp_path)}
        command = [sys.executable, "-m", "wandb", "sync", str(offline)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert "Finished syncing" in told
    assert received.rows == logged
    assert (received.run["displayName"], received.run["project"]) == (run.experiment_id, "efficient-optimization-research")
    assert json.loads(received.files["wandb-summary.json"])["tokens"] == 4096
    assert "plots/loss_curve.png" in received.files
    assert received.is_complete
