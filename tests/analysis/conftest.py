from pathlib import Path

import pytest
from sweep_on_disk import BETTER, LR, SweepBuilder, losses

from trainable.spec.statement import Statement
from trainable.spec.status import Status


@pytest.fixture
def sweep(tmp_path: Path) -> SweepBuilder:
    """An empty learning-rate sweep with the baseline at 3e-3, seeds 1 to 3 and runs of 40 steps."""
    statement = Statement(
        name="lr_ablation",
        hypothesis="A larger learning rate trains faster.",
        metric="eval/loss",
        varied=[LR],
        baseline_values={LR: 0.003},
        baseline_cell="base00000000",
        claims=[BETTER],
        seeds=[1, 2, 3],
        explore_seed=0,
        max_steps=40,
        created="2026-03-01T11:59:00+00:00",
        settings={"scheduler": {"name": "asha"}},
    )
    return SweepBuilder(tmp_path, statement)


@pytest.fixture
def lived(sweep: SweepBuilder) -> SweepBuilder:
    """A sweep in which everything happened: completed, stopped, diverged, failed, a run directory gone, a torn metrics.csv."""
    sweep.driver()
    sweep.trial({LR: 0.003}, final=4.0)
    sweep.trial({LR: 0.01}, final=3.0)
    stopped = sweep.trial({LR: 0.0001}, status=Status.STOPPED_EARLY, stop_reason="asha", rows=losses(6.5, steps=20))
    sweep.event("rung", trial=stopped, level=20, value=6.5, decision="stop", cutoff=5.5, bracket=0)
    nan = {10: {"train/loss": 7.5}, 20: {"train/loss": float("nan")}}
    sweep.trial({LR: 1.0}, status=Status.DIVERGED, stop_reason="loss is not finite", rows=nan, metrics={"train/loss": None}, step=20)
    sweep.trial({LR: 0.1}, status=Status.FAILED, error="RuntimeError: disk full", rows=losses(6.0, steps=10))
    gone = sweep.trial({LR: 0.03}, final=3.5)
    for file in sorted(sweep.run_dir(gone).path.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    sweep.run_dir(gone).path.rmdir()
    torn = sweep.trial({LR: 0.001}, final=4.5)
    with open(sweep.run_dir(torn).metrics_csv, "a") as file:
        file.write("50,0,4.4")
    sweep.finalists(sweep.cell({LR: 0.01}))
    sweep.confirm({LR: 0.003}, {1: 4.0, 2: 4.2, 3: 4.1})
    sweep.confirm({LR: 0.01}, {1: 3.6, 2: 3.78, 3: 3.731})
    return sweep
