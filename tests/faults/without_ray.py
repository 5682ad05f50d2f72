"""A sweep in this very process, one trial after the other: the same driver, ledger, plan and trainer, no Ray between them."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import Any
from unittest.mock import patch

from rich.console import Console

from analysis.load import load_sweep
from analysis.summarize import summarize
from sweeps.runner import drive as driver
from sweeps.runner.blueprint import draw_up
from sweeps.runner.conductor import Conductor
from sweeps.runner.drive import Options
from sweeps.runner.plan import Finished
from sweeps.runner.sweep import Sweep
from trainable.ray_trainable import TransformerTrainable
from trainable.spec.sweep_dir import SweepDir


def run_here(sweep: Sweep, overrides: Sequence[str], options: Options | None = None) -> tuple[int, str]:
    """What ``python -m sweeps.<name>`` does; the exit code and what it printed. Writes the tables, draws no figures."""
    console = Console(file=StringIO(), width=200)
    with (
        patch.object(driver, "run_trials", _run_trials),
        patch.object(driver, "running_ray", _no_ray),
        patch.object(driver, "show_conclusion", _tables),
    ):
        code = driver.drive(draw_up(sweep, overrides), options or Options(), console)
    assert isinstance(console.file, StringIO)
    return code, console.file.getvalue()


@contextmanager
def _no_ray(*_: object, **__: object) -> Iterator[None]:
    yield


def _tables(sweep_dir: SweepDir, console: Console) -> None:
    summarize(load_sweep(sweep_dir))


def _run_trials(conductor: Conductor, resources: object, beat: Callable[[], None], watch: None) -> None:
    while not isinstance(assignment := conductor.next_trial(), Finished):
        if assignment is None:
            raise RuntimeError("the plan waits, but nothing runs")
        _run_trial(conductor, assignment)
        beat()


def _run_trial(conductor: Conductor, run: dict[str, Any]) -> None:
    worker = object.__new__(TransformerTrainable)
    worker.setup({"run": json.dumps(run)})
    try:
        while not conductor.on_result(run["identity"]["trial"], worker.step()["evaluation"]):
            pass
    finally:
        worker.cleanup()
