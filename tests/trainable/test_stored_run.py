"""A run that is kept at a storage, on machines that share nothing: a real S3 server, actors as Tune makes them, no Ray."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.trainable.run_rows import rows
from trainable.data.prepare import prepare
from trainable.ray_trainable import TransformerTrainable
from trainable.request import request_run
from trainable.scratch_folder import ScratchFolder
from trainable.spec.compose import to_plain
from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import read_summary
from trainable.spec.storage.arrow_store import ArrowStore, open_arrow
from trainable.spec.storage.fetching import fetch_newest, kept_snapshots
from trainable.spec.storage.patience import Patience, StorageUnreachable
from trainable.spec.storage.snapshot import read_snapshot
from trainable.spec.storage.store import whole
from trainable.stored_run import StoredRun

Overrides = Callable[..., list[str]]
Assignment = Callable[..., dict[str, Any]]
Actor = Callable[[dict[str, Any]], TransformerTrainable]
PATIENCE = Patience(5.0)


@pytest.fixture
def assignment(bucket: str, tmp_path: Path, tiny_overrides: Overrides, monkeypatch: pytest.MonkeyPatch) -> Assignment:
    """What a driver gives to a worker; `attempt` counts the starts, `away_seconds` is the storage's patience; None: no storage."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "disk"))
    (tmp_path / "disk").mkdir()
    config = request_run(tiny_overrides())
    prepare(config.data)

    def of(attempt: int = 1, away_seconds: float | None = 30.0, from_step: int = 0, keep: int = 2) -> dict[str, Any]:
        identity = {"trial": "a-s1", "cell": "a", "seed": 1, "attempt": attempt}
        storage = {"url": bucket, "folder": "sweep", "from_step": from_step, "keep": keep, "patience_seconds": away_seconds}
        run = {"config": to_plain(config), "run_dir": str(tmp_path / "driver" / "a"), "identity": identity, "timeout_seconds": 60.0}
        return {"run": json.dumps(run | ({"storage": storage} if away_seconds is not None else {}))}

    return of


@pytest.fixture
def store(bucket: str) -> ArrowStore:
    return open_arrow(bucket, "sweep/a")


@dataclass
class Cable:
    """Between the workers and the storage."""

    is_cut: bool = False

    def store(self, url: str, folder: str) -> ArrowStore:
        found = open_arrow(url, folder)
        for verb in ("sizes", "reading", "write", "delete"):
            setattr(found, verb, self._through(getattr(found, verb)))
        return found

    def _through(self, verb: Callable[..., Any]) -> Callable[..., Any]:
        def passed(*arguments: Any) -> Any:
            if self.is_cut:
                raise OSError("connection refused")
            return verb(*arguments)

        return passed


@pytest.fixture
def cable(monkeypatch: pytest.MonkeyPatch) -> Cable:
    made = Cable()
    monkeypatch.setattr("trainable.stored_run.open_arrow", made.store)
    return made


@pytest.fixture
def actor() -> Iterator[Actor]:
    """As Tune makes one in a worker, without Tune's own folders; what a test left open sends nothing more."""
    made: list[TransformerTrainable] = []

    def make(config: dict[str, Any]) -> TransformerTrainable:
        made.append(object.__new__(TransformerTrainable))
        made[-1].setup(config)
        return made[-1]

    yield make
    for left in made:
        if left.trainer is not None:
            left.trainer.close()
        if left.stored is not None:
            left.stored.close(None)


def to_the_end(trainable: TransformerTrainable) -> list[int]:
    steps, done = [], False
    while not done:
        result = trainable.step()
        steps, done = [*steps, json.loads(result["evaluation"])["step"]], result["done"]
    return steps


def sent(trainable: TransformerTrainable) -> StoredRun:
    """The run, once what waited has been sent."""
    assert trainable.stored is not None
    trainable.stored._sender.finish()
    return trainable.stored


def outcome(run_dir: RunDir) -> tuple[list[dict[str, str]], dict[str, str]]:
    """Rows without what measures the machine, and a hash of the kept weights."""
    weights = {path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in run_dir.checkpoints.glob("*/model.safetensors")}
    return rows(run_dir), weights


def fetched(store: ArrowStore, folder: Path) -> RunDir:
    assert fetch_newest(store, folder, PATIENCE) is not None
    return RunDir(folder)


@pytest.fixture
def undisturbed(actor: Actor, assignment: Assignment, tmp_path: Path) -> tuple[list[dict[str, str]], dict[str, str]]:
    """The same run in a folder."""
    to_the_end(actor(assignment(away_seconds=None)))
    return outcome(RunDir(tmp_path / "driver" / "a"))


def test_a_run_that_moves_between_machines_is_the_same_to_the_last_bit(
    actor: Actor, assignment: Assignment, store: ArrowStore, tmp_path: Path, undisturbed: Any
) -> None:
    first = actor(assignment(1))
    first.step()
    first.step()
    sent(first)  # and the machine is gone: nothing is closed
    second = actor(assignment(2))
    assert to_the_end(second) == [8, 12]
    run_dir = fetched(store, tmp_path / "here" / "a")
    assert outcome(run_dir) == undisturbed
    assert set(undisturbed[1]) == {"best", "final"}
    assert (read_summary(run_dir).status, read_summary(run_dir).attempt) == ("completed", 2)
    best, final = (run_dir.checkpoint(name) / "model.safetensors" for name in ("best", "final"))
    assert best.samefile(final), "links are links again"


def test_an_outage_does_not_stop_the_training(
    actor: Actor, assignment: Assignment, store: ArrowStore, tmp_path: Path, undisturbed: Any, cable: Cable
) -> None:
    trainable = actor(assignment(1))
    trainable.step()
    sent(trainable)
    cable.is_cut = True
    assert json.loads(trainable.step()["evaluation"])["step"] == 8
    assert [name.step for name in kept_snapshots(store, PATIENCE)] == [4]
    cable.is_cut = False
    assert to_the_end(trainable) == [12]
    assert outcome(fetched(store, tmp_path / "here" / "a")) == undisturbed


def test_an_outage_beyond_the_patience_is_said_by_name(actor: Actor, assignment: Assignment, cable: Cable, tmp_path: Path) -> None:
    trainable = actor(assignment(1, away_seconds=0.1))
    trainable.step()
    sent(trainable)
    cable.is_cut = True
    with pytest.raises(StorageUnreachable, match=r"given up after 0\.1 s: connection refused"):
        to_the_end(trainable)
    assert list((tmp_path / "disk").glob("*/*")) == [], "the run's own folder is gone"


def test_a_worker_that_was_cut_off_and_lives_on_is_passed_over(
    actor: Actor, assignment: Assignment, store: ArrowStore, tmp_path: Path
) -> None:
    cut_off, moved = actor(assignment(1)), actor(assignment(2))
    cut_off.step()
    sent(cut_off)
    moved.step()
    moved.step()
    sent(moved)
    to_the_end(cut_off)
    names = kept_snapshots(store, PATIENCE)
    assert [name.attempt for name in names][:1] == [2]
    assert {name.attempt for name in names} == {1, 2}
    third = actor(assignment(3))
    assert json.loads(third.step()["evaluation"])["step"] == 8, "it goes on from the second, which has not come further"
    to_the_end(third)
    assert {name.attempt for name in kept_snapshots(store, PATIENCE)} == {3}, "what is older is removed"


def test_nothing_is_kept_that_no_snapshot_needs(actor: Actor, assignment: Assignment, store: ArrowStore) -> None:
    trainable = actor(assignment(1, keep=1))
    for _ in range(2):
        trainable.step()
        sent(trainable)
    (name,) = kept_snapshots(store, PATIENCE)
    files = read_snapshot(whole(store, str(name)).decode())
    assert set(store.sizes()) == {str(name), *(name.object(content.sha256) for content in files.values())}
    assert name.step == 8


@pytest.mark.parametrize("damage", ["torn", "altered", "gone"])
def test_a_damaged_snapshot_is_passed_over(actor: Actor, assignment: Assignment, store: ArrowStore, tmp_path: Path, damage: str) -> None:
    trainable = actor(assignment(1))
    for _ in range(2):
        trainable.step()
        sent(trainable)
    newest, older = kept_snapshots(store, PATIENCE)
    weights = read_snapshot(whole(store, str(newest)).decode())["checkpoints/checkpoint-8/model.safetensors"]
    content = whole(store, newest.object(weights.sha256))
    if damage == "gone":
        store.delete(newest.object(weights.sha256))
    else:
        store.write(newest.object(weights.sha256), [content[:-1] if damage == "torn" else content[:-1] + b"x"])
    assert fetch_newest(store, tmp_path / "here", PATIENCE) == older
    assert (tmp_path / "here" / "checkpoints" / "checkpoint-4").is_dir()


def test_an_upload_that_was_torn_is_no_snapshot(actor: Actor, assignment: Assignment, store: ArrowStore, tmp_path: Path) -> None:
    trainable = actor(assignment(1))
    trainable.step()
    sent(trainable)
    (name,) = kept_snapshots(store, PATIENCE)
    store.delete(str(name))  # the objects lie there, and the snapshot that comes last does not
    assert fetch_newest(store, tmp_path / "here", PATIENCE) is None
    assert not (tmp_path / "here").exists()


def test_a_paused_trial_waits_for_the_checkpoint_that_it_goes_on_from(
    actor: Actor, assignment: Assignment, store: ArrowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = actor(assignment(1))
    first.step()
    sent(first)
    monkeypatch.setattr("trainable.stored_run._LOOK_SECONDS", 0.0)
    monkeypatch.setattr("trainable.stored_run.time.sleep", lambda _: first.trainer and (first.step(), first.let_go()))
    assert json.loads(actor(assignment(2, from_step=8)).step()["evaluation"])["step"] == 8


def test_what_killed_workers_left_goes_with_the_next_one(tmp_path: Path) -> None:
    held = ScratchFolder(tmp_path)
    (tmp_path / "left" / "run").mkdir(parents=True)
    again = ScratchFolder(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([held.path, again.path])
    held.close()
    again.close()
    assert list(tmp_path.iterdir()) == []
