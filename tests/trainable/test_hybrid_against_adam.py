"""The claim of the hybrid optimizers on a small real run: the loss of Adam, from an eighth of its state and less."""

import argparse
import configparser
import difflib
import textwrap
import typing
from pathlib import Path

import pytest

from trainable.data.prepare import prepare
from trainable.learner import Learner
from trainable.request import request_run

SOURCES = [argparse, configparser, difflib, textwrap, typing]
SHAPE = ["model=micro", "model.d_model=64", "model.d_ff=176", "data=text", "data.vocab_size=512"]
STEPS = 150


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Some 400 kB of Python, as overrides."""
    folder = tmp_path_factory.mktemp("python")
    text = "\n\n".join(Path(module.__file__ or "").read_text() for module in SOURCES)
    (folder / "source.txt").write_text(text)
    return [f"data.path={folder / 'source.txt'}", f"data.root={folder}"]


def train(corpus: list[str], optimizer: str) -> Learner:
    # The best of a few learning rates for AdamW: far below it, a factored second moment is ahead.
    training = [f"training.max_steps={STEPS}", "training.batch_size=16", "training.num_threads=1", "schedule.warmup_steps=10"]
    config = request_run([*SHAPE, *corpus, *training, f"optimizer={optimizer}", "optimizer.lr=1e-2"])
    prepare(config.data)
    learner = Learner(config)
    for step in range(1, STEPS + 1):
        learner.take_step(step, measure_update=False)
    return learner


@pytest.fixture(scope="module")
def baseline(corpus: list[str]) -> Learner:
    return train(corpus, "adamw")


@pytest.mark.parametrize(("optimizer", "share"), [("hybrid8", 0.16), ("hybrid4", 0.1)])
def test_the_final_loss_is_within_a_hundredth_of_adams(corpus: list[str], baseline: Learner, optimizer: str, share: float) -> None:
    learner = train(corpus, optimizer)
    loss, expected = (run.score(run.data.val, 8).loss for run in (learner, baseline))
    assert expected < 4  # of ln(512) = 6.2 at the start: something was learned
    assert loss == pytest.approx(expected, rel=0.01)
    assert learner.optimizer_state_bytes() < share * baseline.optimizer_state_bytes()
