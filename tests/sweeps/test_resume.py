"""The same command again: after it finished, beside another driver, on a damaged ledger, with more, with less. No Ray is started."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ray import tune

from analysis.report.conclusion import look
from sweeps.runner import cli
from sweeps.runner.ledger import Ledger
from sweeps.runner.sweep import Sweep
from tests.faults.outcome import difference, read_outcome, sweep_directory
from tests.faults.small_sweep import SWEEP
from tests.faults.without_ray import run_here
from trainable.spec.ledger import SweepState, read_events, replay

RATES = [1e-3, 1e-2, 1e30]
SMALL = replace(SWEEP, space={"optimizer.lr": tune.grid_search(RATES)})
pytestmark = pytest.mark.slow
Overrides = Callable[..., list[str]]


@pytest.fixture
def overrides(corpus_file: Path, data_root: Path, tmp_path: Path) -> Overrides:
    short = ["training.max_steps=12", "training.eval_interval=4", "training.log_interval=2", "scheduler.grace_steps=4"]

    def of(*more: str) -> list[str]:
        return [f"data.path={corpus_file}", f"data.root={data_root}", f"experiment.results_dir={tmp_path / 'results'}", *short, *more]

    return of


def command(sweep: Sweep, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """As from the command line, in this process; fails when it would start Ray."""
    with pytest.raises(SystemExit) as left:
        cli.main(sweep, arguments)
    printed = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, printed.out + printed.err


@pytest.fixture
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> None:
        raise AssertionError("Ray was started")

    monkeypatch.setattr("ray.init", started)


def state_of(results: Path) -> SweepState:
    return replay(read_events(sweep_directory(results).ledger)[0])


@pytest.mark.usefixtures("no_ray")
def test_a_finished_sweep_runs_nothing(tmp_path: Path, overrides: Overrides, capsys: pytest.CaptureFixture[str]) -> None:
    run_here(SMALL, overrides())
    before = read_outcome(tmp_path / "results")
    code, printed = command(SMALL, overrides(), capsys)
    assert code == 0
    assert "nothing is missing" in printed
    assert not difference(before, read_outcome(tmp_path / "results"))


@pytest.mark.usefixtures("no_ray")
def test_another_driver_at_work_is_named(tmp_path: Path, overrides: Overrides, capsys: pytest.CaptureFixture[str]) -> None:
    run_here(SMALL, overrides())
    directory = sweep_directory(tmp_path / "results")
    other = Ledger(directory)
    code, printed = command(SMALL, overrides(), capsys)
    other.close()
    assert code == 2
    assert re.search(rf"in use by another driver \(host \S+, pid {os.getpid()}\)", printed)


@pytest.mark.usefixtures("no_ray")
def test_a_ledger_damaged_in_the_middle_is_refused_with_the_line(
    tmp_path: Path, overrides: Overrides, capsys: pytest.CaptureFixture[str]
) -> None:
    run_here(SMALL, overrides())
    path = sweep_directory(tmp_path / "results").ledger
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:6], lines[6][:40] + b"\n", *lines[7:]]))
    damaged = path.read_bytes()
    code, printed = command(SMALL, overrides(), capsys)
    assert (code, path.read_bytes()) == (2, damaged)
    assert f"{path}" in printed
    assert "line 7:" in printed


def test_a_torn_last_line_is_repaired_with_a_warning(tmp_path: Path, overrides: Overrides) -> None:
    run_here(SMALL, overrides())
    before = read_outcome(tmp_path / "results")
    path = sweep_directory(tmp_path / "results").ledger
    lines = path.read_bytes().splitlines(keepends=True)
    ended = max(number for number, line in enumerate(lines) if b"trial_ended" in line)
    path.write_bytes(b"".join(lines[:ended]) + lines[ended][:50])
    code, printed = run_here(SMALL, overrides())
    assert code == 0
    assert "warning" in printed
    assert "(50 bytes)" in printed
    assert not difference(before, read_outcome(tmp_path / "results"))


def test_more_seeds_run_only_what_is_new(tmp_path: Path, overrides: Overrides) -> None:
    run_here(SMALL, overrides("sweep.seeds=[1,2]"))
    before = state_of(tmp_path / "results").trials
    run_here(SMALL, overrides("sweep.seeds=[1,2,3]"))
    after = state_of(tmp_path / "results").trials
    assert {record.seed for name, record in after.items() if name not in before} == {3}
    assert {name: after[name] for name in before} == before
    # Both witnesses of the statement know of the change, and agree.
    directory = sweep_directory(tmp_path / "results")
    assert [driver["stated"]["seeds"] for driver in state_of(tmp_path / "results").drivers] == [[1, 2], [1, 2, 3]]
    noted = [re.sub(r"\d{4}[-:+\dT]+", "TIME", note) for note in look(directory).notes]
    assert noted == ["changed TIME, after the start: seeds had been 1, 2"]


def test_fewer_seeds_say_what_is_left_out_and_keep_it(tmp_path: Path, overrides: Overrides) -> None:
    run_here(SMALL, overrides("sweep.seeds=[1,2]"))
    before = read_outcome(tmp_path / "results")
    code, printed = run_here(SMALL, overrides("sweep.seeds=[2]"))
    assert code == 0
    assert "kept: 2 trials that the sweep no longer asks for" in printed
    assert not difference(before, read_outcome(tmp_path / "results"))


def test_a_budget_of_trials_says_that_it_cut(tmp_path: Path, overrides: Overrides) -> None:
    code, printed = run_here(SMALL, overrides("budget.trials=2"))
    assert code == 0
    assert "budget.trials=2 is used up; what was not run continues by the same command with a larger budget" in printed
    assert len(state_of(tmp_path / "results").trials) == 2
    assert state_of(tmp_path / "results").endings[-1]["status"] == "out_of_budget"
    run_here(SMALL, overrides())
    assert len(state_of(tmp_path / "results").trials) == len(RATES) + 2 * 2


def test_an_undisturbed_sweep_gives_the_same_bits_again(tmp_path: Path, overrides: Overrides) -> None:
    run_here(SMALL, overrides())
    again = [*overrides()[:2], f"experiment.results_dir={tmp_path / 'again'}", *overrides()[3:]]
    run_here(SMALL, again)
    assert not difference(read_outcome(tmp_path / "results"), read_outcome(tmp_path / "again"))


@pytest.mark.usefixtures("no_ray")
@pytest.mark.parametrize("seeds", ["explore.seed=5 sweep.seeds=[0,1]", "explore.seed=1 sweep.seeds=[2,3]"])
def test_a_seed_is_explored_or_confirmed_with_and_never_both(
    tmp_path: Path, overrides: Overrides, capsys: pytest.CaptureFixture[str], seeds: str
) -> None:
    run_here(SMALL, overrides("explore.seed=0", "sweep.seeds=[1,2]"))
    before = sweep_directory(tmp_path / "results").ledger.read_bytes()
    code, printed = command(SMALL, overrides(*seeds.split()), capsys)
    assert code == 2
    assert "fresh seeds" in printed
    assert sweep_directory(tmp_path / "results").ledger.read_bytes() == before
