"""A sweep killed before one of its file operations comes out as if nothing had happened: same rows, same bits, same models."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ray import tune

from tests.faults.crash_points import run_killed, was_killed
from tests.faults.outcome import Outcome, difference, read_outcome
from tests.faults.small_sweep import SWEEP

Overrides = Callable[[Path], list[str]]
RATES = [1e-5, 1e-4, 1e-3, 3e-2, 1e30]
SHORT = replace(SWEEP, space={"optimizer.lr": tune.grid_search(RATES)}, baseline={"optimizer.lr": 1e-2})


@pytest.fixture(scope="module", params=[["scheduler=asha"], ["scheduler=asha", "scheduler.promote=true"]], ids=["asha", "promotion"])
def overrides(request: pytest.FixtureRequest, corpus_file: Path, data_root: Path) -> Overrides:
    short = ["training.max_steps=12", "training.eval_interval=4", "training.log_interval=2", "scheduler.grace_steps=4", "sweep.seeds=[1]"]

    def of(results: Path) -> list[str]:
        return [f"data.path={corpus_file}", f"data.root={data_root}", f"experiment.results_dir={results}", *short, *request.param]

    return of


@pytest.fixture(scope="module")
def undisturbed(overrides: Overrides, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, int]:
    """The sweep without a fault, and how many file operations it takes once its data are prepared."""
    for name in ("first", "whole"):
        results = tmp_path_factory.mktemp(name)
        code, operations = run_killed(SHORT, overrides(results), results, None)
        assert code == 0
    return read_outcome(results), operations


@pytest.mark.slow
@pytest.mark.parametrize("place", [0.02, 0.11, 0.23, 0.31, 0.42, 0.53, 0.64, 0.77, 0.88, 0.97])
def test_a_kill_before_a_file_operation_changes_nothing(
    overrides: Overrides, undisturbed: tuple[Outcome, int], tmp_path: Path, place: float
) -> None:
    outcome, operations = undisturbed
    code, _ = run_killed(SHORT, overrides(tmp_path), tmp_path, max(1, round(place * operations)))
    assert was_killed(code)
    code, _ = run_killed(SHORT, overrides(tmp_path), tmp_path, None)
    assert code == 0
    assert not (found := difference(outcome, read_outcome(tmp_path))), found
    shutil.rmtree(tmp_path)
