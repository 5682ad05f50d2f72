"""Trials that two processes train together, on a real Ray."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sweeps.runner.ranked_trainable import world
from sweeps.runner.resources import worker_count, worker_mistakes
from tests.faults.outcome import sweep_directory
from tests.faults.small_sweep import SWEEP
from tests.faults.workplace import Workplace
from trainable.request import request_run
from trainable.spec.config import ResourcesConfig
from trainable.spec.ledger import read_events, replay

ROOT = Path(__file__).resolve().parents[2]
_SHORT = (
    "model.dropout=0",
    "sweep.seeds=[1]",
    "explore.enabled=false",
    "training.max_steps=48",
    "scheduler.grace_steps=16",
    "resources.cpus_per_trial=2",
)


def losses(workplace: Workplace, name: str, *more: str) -> dict[str, list[Any]]:
    """The validation losses of every trial."""
    results = workplace.results(name)
    code, output = workplace.run(results, [*_SHORT, *more])
    assert code == 0, output
    assert "Traceback" not in output
    state = replay(read_events(sweep_directory(results).ledger)[0])
    return {trial: [m.get("eval/loss") for m in record.evaluations.values()] for trial, record in state.trials.items()}


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="two workers need two CPUs")
def test_two_workers_share_the_batch_and_give_the_same_losses() -> None:
    workplace, two = Workplace(), "resources.workers_per_trial=2"
    try:
        alone = losses(workplace, "one")
        whole, sharded = losses(workplace, "ddp", two), losses(workplace, "fsdp", two, "resources.parallel=fsdp")
    finally:
        workplace.close()
    assert len(alone) == len(SWEEP.space["optimizer.lr"]["grid_search"])
    for together in (whole, sharded):
        assert alone.keys() == together.keys()
        for trial, expected in alone.items():
            # The gradients of two halves are added in another order: a few units in the last place of float32, grown over 48 steps.
            assert together[trial] == pytest.approx(expected, rel=1e-4), trial
        assert any(together[trial] != expected for trial, expected in alone.items() if expected)


@pytest.mark.parametrize(
    ("gpus", "workers", "expected"), [(0.0, None, 1), (0.5, None, 1), (1, None, 1), (2, None, 2), (8, 4, 4), (0.0, 2, 2), ("auto", None, 1)]
)
def test_a_trial_has_a_worker_for_each_whole_gpu(gpus: float | str, workers: int | None, expected: int) -> None:
    assert worker_count(ResourcesConfig(gpus_per_trial=gpus, workers_per_trial=workers)) == expected


def test_workers_that_cannot_share_are_refused() -> None:
    config = request_run(["training.batch_size=3", "resources.workers_per_trial=2", "resources.gpus_per_trial=3"])
    found = worker_mistakes(config)
    assert len(found) == 2
    assert "training.batch_size=3" in found[0]
    assert "resources.gpus_per_trial=3" in found[1]


def test_one_worker_has_nobody_to_share_with() -> None:
    (found,) = worker_mistakes(request_run(["resources.parallel=fsdp"]))
    assert "resources.workers_per_trial" in found


def test_the_world_is_what_torchrun_would_say() -> None:
    expected = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "2000"}
    assert world(1, 2, ("10.0.0.1", 2000)) == expected


@pytest.mark.ray
def test_more_workers_than_the_batch_has_rows_end_with_2(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "sweeps.lr_ablation", "--dry-run", "resources.workers_per_trial=3"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "must be divisible by the 3 workers" in done.stderr
