"""What the driver writes down of ends that are not the trial's own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from ray import tune

from sweeps.runner.blueprint import draw_up
from sweeps.runner.conductor import Conductor
from sweeps.runner.endings import StorageFailed
from sweeps.runner.ledger import Ledger
from sweeps.runner.plan import Limits
from sweeps.runner.schedulers.registry import SCHEDULERS
from sweeps.runner.searchers.registry import build_searcher
from sweeps.runner.sweep import Sweep
from trainable.spec.run_dir import RunDir
from trainable.spec.statement import Claim
from trainable.spec.status import Status
from trainable.spec.sweep_dir import SweepDir


@pytest.fixture
def conductor(tmp_path: Path, tiny_overrides: Callable[..., list[str]]) -> Conductor:
    space = {"optimizer.lr": tune.grid_search([1e-3, 1e-2])}
    sweep = Sweep("ends", "It ends.", space, {"optimizer.lr": 1e-3}, [Claim("better", 0.0)])
    blueprint = draw_up(sweep, tiny_overrides("scheduler=fifo"))
    ledger = Ledger(SweepDir(tmp_path / "sweep"))
    ledger.append("driver_started", host="here", pid=1, command="", commit=None)
    made = Conductor(
        blueprint, ledger, SCHEDULERS["fifo"](), build_searcher(sweep.spaces[0], blueprint.settings), tmp_path / "runs", Limits()
    )
    yield made
    ledger.close()


def started(conductor: Conductor) -> tuple[str, RunDir]:
    assignment = conductor.next_trial()
    assert isinstance(assignment, dict)
    return assignment["identity"]["trial"], RunDir(Path(assignment["run_dir"]))


def test_a_failed_trial_keeps_the_error_and_the_last_lines_of_its_log(conductor: Conductor) -> None:
    trial, run_dir = started(conductor)
    run_dir.train_log.parent.mkdir(parents=True)
    run_dir.train_log.write_text("".join(f"line {number} {'x' * 2000}\n" for number in range(100)))
    run_dir.hang_traceback.write_text("Timeout (0:00:06)!\n  File here.py, line 7 in wait\n")
    conductor.on_error(trial, "Traceback ...\nRuntimeError: something broke\n")
    record = conductor.ledger.state.trials[trial]
    assert (record.status, record.stop_reason) == (Status.FAILED, "RuntimeError: something broke")
    assert record.error is not None
    assert "RuntimeError: something broke" in record.error
    assert "line 99" in record.error
    assert "line 80" in record.error
    assert "line 79" not in record.error
    assert "line 7 in wait" in record.error
    assert len(record.error) < 20_000


def test_a_failed_trial_without_a_log_is_told_by_its_error(conductor: Conductor) -> None:
    trial, _ = started(conductor)
    conductor.on_error(trial, "")
    record = conductor.ledger.state.trials[trial]
    assert (record.status, record.stop_reason) == (Status.FAILED, "the worker died")


def test_a_storage_that_was_away_for_too_long_is_not_the_trial_s_fault_either(conductor: Conductor) -> None:
    trial, _ = started(conductor)
    said = "trainable.spec.storage.patience.StorageUnreachable: runs/a: given up after 300 s: connection refused"
    with pytest.raises(StorageFailed, match="given up after 300 s: connection refused"):
        conductor.on_error(trial, f"Traceback ...\n{said}\n")
    record = conductor.ledger.state.trials[trial]
    assert (record.status, record.failures) == (Status.INTERRUPTED, 0)


def test_a_full_disk_is_the_sweep_s_and_not_the_trial_s_fault(conductor: Conductor) -> None:
    trial, _ = started(conductor)
    with pytest.raises(StorageFailed, match="No space left on device"):
        conductor.on_error(trial, "OSError: [Errno 28] No space left on device: 'metrics.csv'")
    record = conductor.ledger.state.trials[trial]
    assert (record.status, record.failures) == (Status.INTERRUPTED, 0)
