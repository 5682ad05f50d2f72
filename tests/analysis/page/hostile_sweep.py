"""A sweep whose every text tries to be markup: two swept keys, one of them names, with every way for a trial to end."""

from dataclasses import replace
from pathlib import Path

from sweep_on_disk import LR, SweepBuilder, empty_sweep, losses

from analysis.load import load_sweep
from analysis.study import Study
from analysis.summarize import summarize
from trainable.spec.statement import Claim
from trainable.spec.status import Status

DATA = "data.name"
BREAKOUT = "</script></style><script>window.hacked = 1</script>"
IMAGE = '"><img src=x onerror="window.hacked = 1">'
LINK = '<a href="javascript:window.hacked = 1">plain</a>'


def hostile_sweep(root: Path) -> SweepBuilder:
    """Eight explored trials, of which one was stopped, one diverged and one failed, and two configurations confirmed on three seeds."""
    calm = empty_sweep(root).statement
    statement = replace(
        calm,
        name=f"sweep{IMAGE}",
        hypothesis=BREAKOUT,
        varied=[LR, DATA],
        baseline_values={LR: 0.003, DATA: "text"},
        claims=[Claim(f"the winner {BREAKOUT} beats it", -0.05)],
        base_config={"optimizer": {"lr": 0.003, "name": IMAGE}, "data": {"name": "text"}, "training": {"betas": [0.9, 0.95]}},
    )
    sweep = SweepBuilder(root, statement)
    sweep.driver()
    for place, lr in enumerate((0.001, 0.003, 0.01, 0.03)):
        sweep.trial({LR: lr, DATA: "text"}, final=4.0 - 0.2 * place)
    sweep.trial({LR: 0.001, DATA: LINK}, final=4.4)
    sweep.trial({LR: 0.0001, DATA: LINK}, status=Status.STOPPED_EARLY, stop_reason=f"asha {IMAGE}", rows=losses(6.5, steps=20))
    nan = {10: {"train/loss": 7.5}, 20: {"train/loss": float("nan")}}
    sweep.trial({LR: 1.0, DATA: LINK}, status=Status.DIVERGED, rows=nan, metrics={"train/loss": None}, step=20)
    sweep.trial({LR: 0.1, DATA: "text"}, status=Status.FAILED, error=f"RuntimeError: {IMAGE}{BREAKOUT}", rows=losses(6.0, steps=10))
    sweep.finalists(sweep.cell({LR: 0.03, DATA: "text"}))
    sweep.confirm({LR: 0.003, DATA: "text"}, {1: 4.0, 2: 4.2, 3: 4.1})
    sweep.confirm({LR: 0.03, DATA: "text"}, {1: 3.4, 2: 3.58, 3: 3.531})
    return sweep


def study_of(sweep: SweepBuilder) -> Study:
    """Its study, with both tables on disk."""
    loaded = load_sweep(sweep.write())
    return Study(loaded.statement, summarize(loaded), loaded.directory.metrics)
