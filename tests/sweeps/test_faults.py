"""Faults on a real Ray: the short form of the harness (``python -m tests.faults`` is the long one), and workers in trouble."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.__main__ import possible_kinds, run_rounds
from tests.faults.outcome import read_outcome, sweep_directory
from tests.faults.processes import wait_until_gone
from tests.faults.small_sweep import SWEEP
from tests.faults.without_ray import run_here
from tests.faults.workplace import Workplace
from trainable.spec.ledger import SweepState, TrialRecord, read_events, replay
from trainable.spec.status import Status

# Masks are drawn for each micro-batch: with dropout, half of one is another computation.
_SAME_SUMS = ["model.dropout=0"]
pytestmark = [pytest.mark.slow, pytest.mark.ray]


@pytest.fixture
def workplace() -> Iterator[Workplace]:
    made = Workplace()
    yield made
    made.close()


def test_no_fault_loses_a_row_doubles_one_or_changes_a_bit(workplace: Workplace) -> None:
    report = run_rounds(workplace, rounds=2, seed=3, kinds=possible_kinds(workplace))
    assert report.is_clean, "\n".join([*report.lines(), *report.left_behind, *report.unpolite])
    assert report.faults.total() >= 3


def test_workers_in_trouble(workplace: Workplace) -> None:
    """One that raises and goes on, one that raises too often, one that hangs, one that is stopped, one that runs out of memory."""
    results = workplace.results("troubled")
    troubles = results.parent / "troubles"
    troubles.mkdir(parents=True)
    orders = {
        "raise-0.003-s0": "x\n" * 2,
        "raise-0.001-s2": "x\n" * 3,
        "hang-0.01-s0": "x\n",
        "stop-0.001-s1": "x\n",
        "memory-0.01-s2": "2",
    }
    for name, content in orders.items():
        (troubles / name).write_text(content)
    driver = workplace.start(results, [*_SAME_SUMS, "resources.trial_timeout_seconds=6"], "tests.faults.troubled_sweep")
    assert driver.process.wait(timeout=240) == 0, driver.output()
    assert wait_until_gone(driver.mark, 20)[1] == []
    assert "Traceback" not in driver.output()
    _every_trouble_came_to_its_end(results)
    _all_else_is_as_without_trouble(workplace, results)


def _every_trouble_came_to_its_end(results: Path) -> None:
    state = replay(read_events(sweep_directory(results).ledger)[0])
    assert _trial(state, 0.003, 0).endings == ["failed", "failed", "completed"]
    hung, stopped, memory, lost = (_trial(state, lr, seed) for lr, seed in ((0.01, 0), (0.001, 1), (0.01, 2), (0.001, 2)))
    assert hung.endings == ["failed", "completed"]
    assert stopped.endings == ["failed", "completed"]
    assert memory.endings == ["out_of_memory", "completed"]
    assert memory.overrides[-1] == "training.micro_batch_size=2"
    assert lost.endings == ["failed"] * 3
    assert lost.error is not None
    assert "RuntimeError: trouble on order" in lost.error
    assert "the end of train.log" in lost.error
    events = read_events(sweep_directory(results).ledger)[0]
    (end,) = [e for e in events if e["event"] == "trial_ended" and e["trial"] == hung.trial and e["status"] == Status.FAILED]
    assert "Timeout" in end["error"]


def _all_else_is_as_without_trouble(workplace: Workplace, results: Path) -> None:
    """To the last bit; with half the micro-batch up to the order of sums."""
    quiet = workplace.results("quiet")
    run_here(SWEEP, [*workplace.overrides(quiet), *_SAME_SUMS])
    undisturbed, disturbed = read_outcome(quiet), read_outcome(results)
    state = replay(read_events(sweep_directory(results).ledger)[0])
    halved, lost = _trial(state, 0.01, 2).trial, _trial(state, 0.001, 2).trial
    for key, row in undisturbed.rows.items():
        if key[0] == halved:
            for name in ("train/loss", "eval/loss"):
                before, after = row[name], disturbed.rows[key][name]
                assert before == after or float.fromhex(after) == pytest.approx(float.fromhex(before), rel=1e-4)
        elif key[0] != lost:
            assert disturbed.rows[key] == row
    assert disturbed.twice == ()
    assert disturbed.notes == ()


def _trial(state: SweepState, lr: float, seed: int) -> TrialRecord:
    (found,) = [r for r in state.trials.values() if r.values == {"optimizer.lr": lr} and r.seed == seed]
    return found
