"""A run that is asked to make room in the middle of an interval, and goes on elsewhere: the same to the last bit."""

import csv
import hashlib
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainable.checkpoint import checkpoint_steps
from trainable.data.prepare import prepare
from trainable.ray_trainable import TransformerTrainable
from trainable.request import request_run
from trainable.run_record import RunIdentity
from trainable.spec.config import RunConfig
from trainable.spec.run_dir import RunDir
from trainable.trainer import Leaving, Trainer

Overrides = Callable[..., list[str]]


@pytest.fixture
def config(tiny_overrides: Overrides) -> RunConfig:
    made = request_run(tiny_overrides("model.dropout=0.1"))
    prepare(made.data)
    return made


def opened(config: RunConfig, path: Path) -> Trainer:
    return Trainer(config, RunDir(path), RunIdentity("a-s1", "a", 1))


def finished(trainer: Trainer) -> list[int]:
    steps = []
    while not trainer.done:
        steps.append(trainer.advance().step)
    trainer.close()
    return steps


def left(path: Path) -> tuple[str, list[tuple[str, str, str]]]:
    """The final weights, and what was logged of the training."""
    with open(RunDir(path).metrics_csv) as file:
        rows = [(row["step"], row["train/loss"], row["eval/loss"]) for row in csv.DictReader(file)]
    return hashlib.sha256((RunDir(path).checkpoint("final") / "model.safetensors").read_bytes()).hexdigest(), rows


def ask_after(trainer: Trainer, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notice comes while that step is at work."""
    take = trainer.learner.take_step

    def noticed(step: int, **more: Any) -> Any:
        trainer.asked_to_leave = trainer.asked_to_leave or step == steps
        return take(step, **more)

    monkeypatch.setattr(trainer.learner, "take_step", noticed)


@pytest.mark.parametrize("step", [1, 3, 7])
def test_a_run_that_left_goes_on_to_the_bit(step: int, config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(opened(config, tmp_path / "whole"))
    trainer = opened(config, tmp_path / "left")
    ask_after(trainer, step, monkeypatch)
    with pytest.raises(Leaving, match=f"kept at step {step}"):
        finished(trainer)
    trainer.close()
    assert checkpoint_steps(RunDir(tmp_path / "left")) == [step]
    told = finished(opened(config, tmp_path / "left"))
    # What was evaluated before is told again at its own step; nothing is told of the step at which the run left.
    assert told == [4, 8, 12]
    assert left(tmp_path / "left") == left(tmp_path / "whole")


def test_a_notice_to_an_actor_reaches_its_run(config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainable.spec.compose import to_plain

    identity = {"trial": "a-s1", "cell": "a", "seed": 1}
    run = {"config": to_plain(config), "run_dir": str(tmp_path / "run"), "identity": identity, "timeout_seconds": 60.0}
    before = signal.getsignal(signal.SIGTERM)
    actor = object.__new__(TransformerTrainable)
    actor.setup({"run": json.dumps(run)})
    actor.step()
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(Leaving, match="kept at step 5"):
        actor.step()
    assert actor.trainer is None
    actor.cleanup()
    assert signal.getsignal(signal.SIGTERM) is before
