"""A whole sweep whose workers keep their runs at a storage: a real Ray, a real S3 server."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.runner.cli import main
from sweeps.runner.stored_sweep import Place, StoredSweep, sweep_folder
from tests.faults.outcome import early_difference, read_outcome, sweep_directory
from tests.faults.small_sweep import SWEEP
from tests.faults.without_ray import run_here
from tests.faults.workplace import Workplace
from trainable.snapshot_sender import SnapshotSender
from trainable.spec.ledger import SweepState, TrialRecord
from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import RunSummary, read_summary, write_summary
from trainable.spec.storage.arrow_store import open_arrow
from trainable.spec.storage.patience import Patience
from trainable.spec.storage.snapshot import snapshots

Overrides = Callable[..., list[str]]


@pytest.fixture
def workplace() -> Iterator[Workplace]:
    made = Workplace()
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.ray
def test_it_is_what_it_is_in_a_folder_and_what_was_lost_here_is_brought_again(workplace: Workplace, bucket: str) -> None:
    whole, stored = workplace.results("whole"), workplace.results("stored")
    # One after the other, in an order in which a trial is behind others when its rung comes.
    short = "training.max_steps=64"
    more = [short, "scheduler=asha", "explore.baseline=false", "resources.max_concurrent_trials=1", "--storage", bucket]
    run_here(SWEEP, [*workplace.overrides(whole), short])
    code, printed = workplace.run(stored, more)
    assert (code, "Traceback" in printed) == (0, False), printed
    undisturbed, found = read_outcome(whole), read_outcome(stored)
    assert not early_difference(undisturbed, found), early_difference(undisturbed, found)
    assert {row["status"] for row in found.trials.values()} == {"completed", "stopped_early", "diverged"}
    names = [name.partition("/") for name in open_arrow(bucket).sizes()]
    assert len({sweep for sweep, _, _ in names}) == 1
    runs = {rest.partition("/")[0] for _, _, rest in names}
    assert runs == {path.name for path in (stored / "runs").iterdir()}
    assert all(snapshots(rest.partition("/")[2] for _, _, rest in names if rest.startswith(run))[0].last for run in runs)

    _lose_the_disk(stored, all_but_backup=True)
    code, printed = workplace.run(stored, more)
    assert code == 0, printed
    found = read_outcome(stored)
    assert not early_difference(undisturbed, found), early_difference(undisturbed, found)

    _lose_the_disk(stored, all_but_backup=False)
    code, printed = workplace.run(stored, more)
    assert code == 0, printed
    assert "nothing is missing" in printed
    again = read_outcome(stored)
    assert (again.rows, again.weights) == (found.rows, found.weights)


def _lose_the_disk(results: Path, *, all_but_backup: bool) -> None:
    """The runs; and of the ledger what a backup in the middle of the sweep did not have."""
    shutil.rmtree(results / "runs")
    if all_but_backup:
        path = sweep_directory(results).ledger
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[: len(lines) // 2]))


@pytest.mark.parametrize("status", ["stopped_early", "completed"])
def test_a_run_whose_last_snapshot_is_on_its_way_is_waited_for(tmp_path: Path, status: str) -> None:
    """A trial may be stopped before anything of it has reached the storage."""
    place = Place(f"file://{tmp_path}/storage", "sweep", keep=3)
    record = TrialRecord("a-s1", "explore", "a", 1, {}, [], "run", attempt=2, status=status)
    run_dir = RunDir(tmp_path / "worker" / "run")
    summary = RunSummary("run", "a-s1", "a", 1, "explore", "running", {}, attempt=2)
    write_summary(run_dir, summary)
    store = open_arrow(place.url, "sweep/run")
    with StoredSweep(place, tmp_path / "runs") as stored:
        stored.ended(record)
        for number, last in enumerate((False, True)):
            assert stored.is_busy()
            (run_dir.path / "sent").write_text(str(number))
            sender = SnapshotSender(store, tmp_path, "aaaaaaaa", 2, 3, Patience(5.0))
            sender._number = number
            sender.offer(run_dir.path, 40, last=last)
            sender.finish()
            time.sleep(0.6 * (1 - number))
    assert (tmp_path / "runs" / "run" / "sent").read_text() == "1"
    brought = read_summary(RunDir(tmp_path / "runs" / "run"))
    assert brought.status == ("stopped_early" if status == "stopped_early" else "running")
    assert not list((tmp_path / "runs").glob(".*")), "nothing lies beside it"


def test_a_run_that_failed_before_anything_was_kept_has_none(tmp_path: Path) -> None:
    with StoredSweep(Place(f"file://{tmp_path}/storage", "sweep", keep=3), tmp_path / "runs") as stored:
        stored.ended(TrialRecord("a-s1", "explore", "a", 1, {}, [], "run", status="failed"))
    assert not (tmp_path / "runs" / "run").exists()


def test_only_a_trial_that_was_paused_waits_for_its_checkpoint() -> None:
    record = TrialRecord("a-s1", "explore", "a", 1, {}, [], "run", step=80)
    place = Place("s3://bucket/x", "sweep", keep=3)
    expected = {"paused": 80, "interrupted": 0, "failed": 0}
    assert {status: place.asked(replace(record, endings=["paused", status]))["from_step"] for status in expected} == expected
    assert place.asked(record)["from_step"] == 0


def test_two_drivers_never_share_a_folder() -> None:
    first, other = SweepState(drivers=[{"time": "t", "host": "a", "pid": 1}]), SweepState(drivers=[{"time": "t", "host": "b", "pid": 1}])
    assert sweep_folder("sweep-00", first) != sweep_folder("sweep-00", other)
    resumed = SweepState(drivers=[*first.drivers, {"time": "u", "host": "b", "pid": 2}])
    assert sweep_folder("sweep-00", resumed) == sweep_folder("sweep-00", first)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--storage", "s3://nobody.has.this.bucket/x"], "resources.storage=s3://nobody.has.this.bucket/x cannot be written"),
        (["--storage", "s3://key:secret@bucket/x"], "resources.storage must not hold credentials"),
        (["--storage", "s3:///x"], "names no bucket"),
        (["resources.storage=results"], "resources.storage=results must be a URL"),
        (["experiment.results_dir=s3://bucket/x"], "runs are kept at a URL by resources.storage"),
        (["--storage", "ftp://bucket/x"], "kind of place"),
    ],
)
def test_a_storage_that_cannot_be_is_refused_before_anything_starts(
    arguments: list[str], sentence: str, bucket: str, tmp_path: Path, tiny_overrides: Overrides, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(SWEEP, [*tiny_overrides("training.max_steps=64", results=tmp_path / "results"), *arguments])
    assert left.value.code == 2
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
