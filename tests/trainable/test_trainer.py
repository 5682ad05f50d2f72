"""A run: what it leaves, and that stopping and continuing changes no bit of it."""

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainable.run_rows import rows
from trainable.checkpoint import load_checkpoint
from trainable.data.prepare import prepare
from trainable.request import request_run
from trainable.run_lock import RunLocked, lock_run
from trainable.run_record import RunIdentity
from trainable.spec.compose import choices
from trainable.spec.config import RunConfig
from trainable.spec.metric_names import EVERY_RUN
from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import read_summary
from trainable.spec.status import Status
from trainable.trainer import Evaluation, Trainer

Overrides = Callable[..., list[str]]
IDENTITY = RunIdentity(trial="cell-s1", cell="cell", seed=1, hypothesis="it learns")


def config_of(overrides: list[str]) -> RunConfig:
    config = request_run(overrides)
    prepare(config.data)
    return config


def train(config: RunConfig, run_dir: RunDir, until: int | None = None) -> list[Evaluation]:
    trainer = Trainer(config, run_dir, IDENTITY)
    found = []
    while not trainer.done and (until is None or trainer.step < until):
        found.append(trainer.advance())
    trainer.close()
    return found


def same_tree(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same_tree(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same_tree(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def test_a_run_leaves_what_the_protocol_asks_for(tmp_path: Path, tiny_overrides: Overrides) -> None:
    run_dir = RunDir(tmp_path / "run")
    last = train(config_of(tiny_overrides("tracking.plots=true")), run_dir)[-1]
    assert (last.status, last.step) == (Status.COMPLETED, 12)
    assert {"eval/loss", "test/loss"} <= last.metrics.keys()
    for path in (run_dir.config, run_dir.summary, run_dir.summary_markdown, run_dir.provenance, run_dir.train_log, run_dir.metrics_csv):
        assert path.stat().st_size > 0
    assert {path.name for path in run_dir.plots.iterdir()} >= {"loss_curve.png", "memory_profile.png", "grad_norm.png"}
    assert {path.name for path in run_dir.checkpoints.iterdir()} == {"best", "final"}
    summary = read_summary(run_dir)
    assert (summary.status, summary.step, summary.hypothesis) == ("completed", 12, "it learns")
    assert summary.metrics["test/loss"] == last.metrics["test/loss"]
    protocol = json.loads(run_dir.summary.read_text())["final_metrics"]
    assert protocol["val_perplexity"] == last.metrics["eval/perplexity"]


def test_every_metric_of_the_list_is_logged(tmp_path: Path, tiny_overrides: Overrides) -> None:
    run_dir = RunDir(tmp_path / "run")
    train(config_of(tiny_overrides()), run_dir)
    with open(run_dir.metrics_csv) as file:
        logged = list(csv.DictReader(file))
    assert list(logged[0]) == EVERY_RUN
    assert [row["step"] for row in logged] == ["1", "2", "4", "6", "8", "10", "12"]
    assert all(value != "" for row in logged if row["eval/loss"] for value in row.values())


@pytest.mark.parametrize("optimizer", choices("optimizer"))
def test_a_resumed_run_equals_an_uninterrupted_one_to_the_last_bit(tmp_path: Path, tiny_overrides: Overrides, optimizer: str) -> None:
    config = config_of(tiny_overrides(f"optimizer={optimizer}", "model.dropout=0.1", "model.d_model=64", "model.d_ff=128"))
    whole, parts = RunDir(tmp_path / "whole"), RunDir(tmp_path / "parts")
    straight = train(config, whole)
    train(config, parts, until=4)
    train(config, parts, until=8)
    resumed = train(config, parts)
    assert rows(parts) == rows(whole)
    assert resumed[-1].metrics["test/loss"] == straight[-1].metrics["test/loss"]
    (model, training), (again, training_again) = (load_checkpoint(run.checkpoint("final")) for run in (whole, parts))
    assert same_tree(model, again)
    assert same_tree(training["optimizer"], training_again["optimizer"])
    assert same_tree(training["rng"], training_again["rng"])


def test_resuming_in_a_new_process_is_exact_too(tmp_path: Path, tiny_overrides: Overrides, python: str) -> None:
    config = config_of(tiny_overrides("model.dropout=0.1"))
    whole, parts = RunDir(tmp_path / "whole"), RunDir(tmp_path / "parts")
    train(config, whole)
    train(config, parts, until=8)
    command = [python, "-m", "trainable.train", "--resume", str(parts.path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert rows(parts) == rows(whole)
    assert same_tree(load_checkpoint(whole.checkpoint("final"))[0], load_checkpoint(parts.checkpoint("final"))[0])


def test_what_was_evaluated_before_comes_back_once_after_a_resume(tmp_path: Path, tiny_overrides: Overrides) -> None:
    config, run_dir = config_of(tiny_overrides()), RunDir(tmp_path / "run")
    before = train(config, run_dir, until=8)
    resumed = train(config, run_dir)
    assert [(step, metrics) for step, metrics in resumed[0].history] == [(4, before[0].metrics)]
    assert [(e.step, bool(e.history)) for e in resumed] == [(8, True), (12, False)]


def test_rows_after_the_checkpoint_are_written_anew(tmp_path: Path, tiny_overrides: Overrides) -> None:
    config, run_dir = config_of(tiny_overrides("training.checkpoint_interval=8")), RunDir(tmp_path / "run")
    whole = RunDir(tmp_path / "whole")
    train(config, whole)
    trainer = Trainer(config, run_dir, IDENTITY)
    trainer.advance()
    trainer.advance()
    trainer._train_to(11)  # as far as a kill would let it come: rows are on disk that no checkpoint counts on
    trainer.close()
    train(config, run_dir)
    assert rows(run_dir) == rows(whole)


def test_a_checkpoint_whose_rows_were_lost_is_not_continued_from(tmp_path: Path, tiny_overrides: Overrides) -> None:
    config, run_dir, whole = config_of(tiny_overrides()), RunDir(tmp_path / "run"), RunDir(tmp_path / "whole")
    train(config, whole)
    train(config, run_dir, until=8)
    lines = run_dir.metrics_csv.read_text().splitlines(keepends=True)
    run_dir.metrics_csv.write_text("".join(lines[:-1]) + lines[-1][:9])
    train(config, run_dir)
    assert rows(run_dir) == rows(whole)


def test_micro_batches_give_the_same_losses_up_to_the_order_of_sums(tmp_path: Path, tiny_overrides: Overrides) -> None:
    whole = train(config_of(tiny_overrides()), RunDir(tmp_path / "whole"))
    halved = train(config_of(tiny_overrides("training.micro_batch_size=2")), RunDir(tmp_path / "halved"))
    for one, other in zip(whole, halved, strict=True):
        assert other.metrics["eval/loss"] == pytest.approx(one.metrics["eval/loss"], rel=1e-5)


def test_seeds_differ_and_repeat(tmp_path: Path, tiny_overrides: Overrides) -> None:
    results = [
        train(config_of(tiny_overrides(f"training.seed={seed}")), RunDir(tmp_path / name))[-1].metrics["eval/loss"]
        for seed, name in ((1, "a"), (1, "b"), (2, "c"))
    ]
    assert results[0] == results[1] != results[2]


def test_a_run_that_diverges_ends_at_that_step(tmp_path: Path, tiny_overrides: Overrides) -> None:
    run_dir = RunDir(tmp_path / "run")
    config = config_of(tiny_overrides("optimizer=sgd", "optimizer.lr=1e30", "training.grad_clip=0"))
    last = train(config, run_dir)[-1]
    assert last.status == Status.DIVERGED
    assert last.step < 12
    assert "not finite at step" in (last.stop_reason or "")
    assert read_summary(run_dir).status == "diverged"
    assert all("nan" not in "".join(row.values()) for row in rows(run_dir))


def test_out_of_memory_is_told_apart_from_other_errors(tmp_path: Path, tiny_overrides: Overrides, monkeypatch: pytest.MonkeyPatch) -> None:
    def grab(*_: object, **__: object) -> None:
        torch.empty(2**60)

    trainer = Trainer(config_of(tiny_overrides()), RunDir(tmp_path / "run"), IDENTITY)
    monkeypatch.setattr(trainer.learner, "take_step", grab)
    last = trainer.advance()
    trainer.close()
    assert last.status == Status.OUT_OF_MEMORY
    assert "memory" in (last.stop_reason or "")


def test_two_processes_do_not_share_a_run_directory(tmp_path: Path, tiny_overrides: Overrides) -> None:
    run_dir = RunDir(tmp_path / "run")
    trainer = Trainer(config_of(tiny_overrides()), run_dir, IDENTITY)
    with pytest.raises(RunLocked, match="in use"):
        lock_run(run_dir, patience_seconds=0.0)
    trainer.close()
    lock_run(run_dir, patience_seconds=0.0).close()


def test_the_best_checkpoint_is_the_one_with_the_lowest_loss(tmp_path: Path, tiny_overrides: Overrides) -> None:
    run_dir = RunDir(tmp_path / "run")
    found = train(config_of(tiny_overrides("optimizer.lr=0.3", "schedule=constant")), run_dir)
    best = min((e for e in found if e.metrics), key=lambda e: e.metrics["eval/loss"] or 0.0)
    assert load_checkpoint(run_dir.checkpoint("best"))[1]["step"] == best.step
    assert read_summary(run_dir).best_step == best.step
