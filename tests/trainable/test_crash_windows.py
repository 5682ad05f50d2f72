"""What a kill between two file operations leaves, and that the next attempt puts it right."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trainable import checkpoint as checkpoints
from trainable.checkpoint import load_checkpoint
from trainable.data.prepare import prepare
from trainable.request import request_run
from trainable.run_record import RunIdentity
from trainable.spec.config import RunConfig
from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import read_summary
from trainable.spec.status import Status
from trainable.trainer import Evaluation, Trainer

Overrides = Callable[..., list[str]]
IDENTITY = RunIdentity(trial="cell-s1", cell="cell", seed=1)


class Killed(BaseException):
    """No clean-up catches it, like SIGKILL."""


def config_of(overrides: list[str]) -> RunConfig:
    config = request_run(overrides)
    prepare(config.data)
    return config


def train(config: RunConfig, run_dir: RunDir, evaluations: int | None = None) -> list[Evaluation]:
    trainer = Trainer(config, run_dir, IDENTITY)
    found: list[Evaluation] = []
    while not trainer.done and (evaluations is None or len(found) < evaluations):
        found.append(trainer.advance())
    trainer.close()
    return found


def die(trainer: Trainer) -> None:
    """Lets go of files as the operating system does for a dead process; nothing else is put in order."""
    assert trainer._lock is not None
    trainer._lock.close()
    trainer.trackers.finish(Status.INTERRUPTED)


def die_in(monkeypatch: pytest.MonkeyPatch, config: RunConfig, run_dir: RunDir, name: str, call: int) -> None:
    """A run killed as it makes call number `call` (from 1) of a function of `trainable.checkpoint`."""
    calls = 0
    original = getattr(checkpoints, name)

    def fatal(*arguments: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call:
            raise Killed
        return original(*arguments, **named)

    trainer = Trainer(config, run_dir, IDENTITY)
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, name, fatal)
        with pytest.raises(Killed):
            _train_on(trainer)
    die(trainer)


def _train_on(trainer: Trainer) -> None:
    while not trainer.done:
        trainer.advance()


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def test_best_is_linked_later_when_the_kill_came_before_it(
    tmp_path: Path, tiny_overrides: Overrides, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run_dir = config_of(tiny_overrides("optimizer.lr=0.3", "schedule=constant")), RunDir(tmp_path / "run")
    losses = {e.step: e.metrics["eval/loss"] or 0.0 for e in train(config, RunDir(tmp_path / "whole"))}
    best = min(losses, key=lambda step: losses[step])
    die_in(monkeypatch, config, run_dir, "link_checkpoint", sorted(losses).index(best) + 1)
    train(config, run_dir)
    assert load_checkpoint(run_dir.checkpoint("best"))[1]["step"] == read_summary(run_dir).best_step == best


def test_numbers_of_the_checkpoint_survive_a_kill_at_the_end(tmp_path: Path, tiny_overrides: Overrides) -> None:
    config, run_dir = config_of(tiny_overrides()), RunDir(tmp_path / "run")
    train(config, run_dir)
    before = read_summary(run_dir)
    train(config, run_dir)
    after = read_summary(run_dir)
    assert before.optimizer_state_bytes is not None
    assert (after.optimizer_state_bytes, after.checkpoint_bytes) == (before.optimizer_state_bytes, before.checkpoint_bytes)


def test_a_damaged_final_checkpoint_is_written_again(tmp_path: Path, tiny_overrides: Overrides) -> None:
    config, run_dir = config_of(tiny_overrides()), RunDir(tmp_path / "run")
    train(config, run_dir)
    whole = load_checkpoint(run_dir.checkpoint("final"))[1]["step"]
    flip(run_dir.checkpoint("final") / "model.safetensors")
    assert train(config, run_dir)[-1].status == Status.COMPLETED
    assert load_checkpoint(run_dir.checkpoint("final"))[1]["step"] == whole


def test_damaged_checkpoints_do_not_push_out_new_ones(tmp_path: Path, tiny_overrides: Overrides) -> None:
    config, run_dir = config_of(tiny_overrides("training.keep_checkpoints=1")), RunDir(tmp_path / "run")
    train(config, run_dir, evaluations=2)
    flip(run_dir.checkpoint(8) / "training.safetensors")
    trainer = Trainer(config, run_dir, IDENTITY)
    trainer.advance()
    die(trainer)
    again = Trainer(config, run_dir, IDENTITY)
    again.close()
    assert again.step == 4


def test_what_a_killed_process_was_writing_is_removed(tmp_path: Path, tiny_overrides: Overrides) -> None:
    config, run_dir = config_of(tiny_overrides()), RunDir(tmp_path / "run")
    train(config, run_dir, evaluations=1)
    shutil.copytree(run_dir.checkpoint(4), run_dir.checkpoints / ".checkpoint-8.4711.tmp")
    shutil.copytree(run_dir.checkpoint(4), run_dir.checkpoints / ".checkpoint-4.old")
    os_replaced = run_dir.checkpoints / ".best.old"
    run_dir.checkpoint("best").rename(os_replaced)
    Trainer(config, run_dir, IDENTITY).close()
    assert {path.name for path in run_dir.checkpoints.iterdir()} == {"checkpoint-4", "best"}


def test_a_resumed_run_first_tells_where_it_stands(tmp_path: Path, tiny_overrides: Overrides) -> None:
    """A scheduler may stop it there: what it was told of no driver may have lived to hear."""
    config, run_dir = config_of(tiny_overrides()), RunDir(tmp_path / "run")
    before = train(config, run_dir, evaluations=2)
    trainer = Trainer(config, run_dir, IDENTITY)
    first = trainer.advance()
    assert (first.step, trainer.step, first.metrics) == (8, 8, before[1].metrics)
    assert [step for step, _ in first.history] == [4]
    summary = read_summary(run_dir)
    assert (summary.step, summary.tokens) == (8, trainer.tokens)
    second = trainer.advance()
    trainer.close()
    assert (second.step, second.history) == (12, ())


def test_what_a_checkpoint_brought_back_is_told_also_when_the_run_then_diverges(
    tmp_path: Path, tiny_overrides: Overrides, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run_dir = config_of(tiny_overrides()), RunDir(tmp_path / "run")
    train(config, run_dir, evaluations=1)
    trainer = Trainer(config, run_dir, IDENTITY)
    monkeypatch.setattr(trainer, "_train_to", lambda target: 5)
    told = [trainer.advance(), trainer.advance()]
    trainer.close()
    assert [(e.step, e.status, bool(e.metrics)) for e in told] == [(4, Status.RUNNING, True), (4, Status.DIVERGED, False)]


def test_every_row_is_on_the_disk_when_a_run_ends(tmp_path: Path, tiny_overrides: Overrides, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut after the end must not take the rows that no checkpoint counted on: nobody would write them again."""
    config, run_dir = config_of(tiny_overrides("optimizer=sgd", "optimizer.lr=1e30", "training.grad_clip=0")), RunDir(tmp_path / "run")
    on_disk: dict[str, int] = {}
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        on_disk[str(Path(f"/proc/self/fd/{descriptor}").readlink())] = os.fstat(descriptor).st_size
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    (last,) = train(config, run_dir)
    assert (last.status, last.step) == (Status.DIVERGED, 1)
    assert on_disk[str(run_dir.metrics_csv)] == run_dir.metrics_csv.stat().st_size
