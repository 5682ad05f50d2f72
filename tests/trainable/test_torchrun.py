"""The same run on one process and on two."""

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trainable.data.prepare import prepare
from trainable.request import request_run

Overrides = Callable[..., list[str]]


def losses(folder: Path) -> list[float]:
    (path,) = folder.glob("results/runs/*/logs/metrics.csv")
    with open(path) as file:
        return [float(row["eval/loss"]) for row in csv.DictReader(file) if row["eval/loss"]]


@pytest.mark.slow
def test_two_ranks_share_the_batch_and_give_the_same_losses(tmp_path: Path, tiny_overrides: Overrides) -> None:
    overrides = tiny_overrides("training.micro_batch_size=1")
    prepare(request_run(overrides).data)
    launchers = {
        "one": [sys.executable, "-m", "trainable.train"],
        "two": [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "-m", "trainable.train"],
    }
    for name, launcher in launchers.items():
        (tmp_path / name).mkdir()
        subprocess.run([*launcher, *overrides], cwd=tmp_path / name, check=True, capture_output=True, timeout=240)
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-5)
    assert len(losses(tmp_path / "two")) == 3
