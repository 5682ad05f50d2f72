"""Bounds as the last step of a run, and by hand on what it left."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from trainable.adapters.coding import coded_vector, gates
from trainable.bounds import of_run
from trainable.bounds.__main__ import main, settings_of
from trainable.bounds.certify import certify
from trainable.bounds.quantisation import uniform_bins
from trainable.data.prepare import prepare
from trainable.load_run import load_learner
from trainable.request import request_run
from trainable.run_record import RunIdentity
from trainable.spec.config import RunConfig
from trainable.spec.metric_names import METRICS
from trainable.spec.mistakes import WrongRequest
from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import read_summary
from trainable.spec.status import Status
from trainable.trainer import Trainer

Overrides = Callable[..., list[str]]
BOUNDS = ["bounds=document", "bounds.samples=20", "bounds.quantisation_aware_steps=2"]
NAMES = {name for name in METRICS if name.startswith("bounds/")}


class Killed(BaseException):
    """No clean-up catches it, like SIGKILL."""


def config_of(overrides: list[str]) -> RunConfig:
    config = request_run(overrides)
    prepare(config.data)
    return config


def train(config: RunConfig, run_dir: RunDir, until: int | None = None) -> Trainer:
    trainer = Trainer(config, run_dir, RunIdentity(trial="cell-s1", cell="cell", seed=1))
    while not trainer.done and (until is None or trainer.step < until):
        trainer.advance()
    trainer.close()
    return trainer


def train_on(trainer: Trainer) -> None:
    while not trainer.done:
        trainer.advance()


def test_a_run_ends_with_its_bounds_and_trains_as_without_them(tmp_path: Path, tiny_overrides: Overrides) -> None:
    plain, bounded = RunDir(tmp_path / "plain"), RunDir(tmp_path / "bounded")
    train(config_of(tiny_overrides()), plain)
    trainer = train(config_of(tiny_overrides(*BOUNDS)), bounded)
    found = {name: value for name, value in read_summary(bounded).metrics.items() if name in NAMES}
    assert found.keys() == NAMES
    assert {name: value for name, value in trainer.advance().metrics.items() if name in NAMES} == found
    assert not NAMES & read_summary(plain).metrics.keys()
    for name in ("final", "best"):
        one, other = (run.checkpoint(name) / "model.safetensors" for run in (plain, bounded))
        assert one.read_bytes() == other.read_bytes()
    written = torch.load(bounded.path / "bounds_metrics.pt", weights_only=True)
    told = json.loads((bounded.path / "bounds_metrics.json").read_text())
    assert written == {name: told[name] for name in written}
    assert {f"bounds/{name}": value for name, value in written.items()} | {"bounds/vacuous": float(told["vacuous"])} == found
    assert all(type(value) is float for value in written.values())
    assert (told["vacuous"], told["seed"], told["levels"], told["samples"], told["adapter"]["name"]) == (True, 42, 11, 20, "none")


def test_a_run_killed_in_its_bounds_comes_to_the_same(tmp_path: Path, tiny_overrides: Overrides, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(tiny_overrides(*BOUNDS))
    whole, parts = RunDir(tmp_path / "whole"), RunDir(tmp_path / "parts")
    train(config, whole)

    def fatal(*_: object) -> None:
        raise Killed

    trainer = Trainer(config, parts, RunIdentity(trial="cell-s1", cell="cell", seed=1))
    with monkeypatch.context() as patched:
        patched.setattr(of_run, "write_bounds", fatal)
        with pytest.raises(Killed):
            train_on(trainer)
    trainer.close()
    assert trainer.status == Status.RUNNING
    train(config, parts)
    first, second = (run.path / "bounds_metrics.json" for run in (whole, parts))
    assert first.read_bytes() == second.read_bytes()
    assert first.with_suffix(".pt").read_bytes() == second.with_suffix(".pt").read_bytes()


def test_the_command_repeats_what_the_run_measured(tmp_path: Path, tiny_overrides: Overrides, capsys: pytest.CaptureFixture[str]) -> None:
    run_dir = RunDir(tmp_path / "run")
    train(config_of(tiny_overrides(*BOUNDS)), run_dir)
    files = [run_dir.path / "bounds_metrics.json", run_dir.path / "bounds_metrics.pt"]
    before = [path.read_bytes() for path in files]
    assert main([str(run_dir.path)]) == 0
    assert [path.read_bytes() for path in files] == before
    assert "VACUOUS" in capsys.readouterr().out
    assert main([str(run_dir.path), "bounds.levels=7", "--checkpoint", "final"]) == 0
    told = json.loads(files[0].read_text())
    assert (told["levels"], told["checkpoint"], len(told["level_counts"])) == (7, "final", 7)


def test_only_the_quantised_weights_are_certified(tmp_path: Path, tiny_overrides: Overrides) -> None:
    run_dir = RunDir(tmp_path / "run")
    train(config_of(tiny_overrides()), run_dir)
    learner = load_learner(run_dir, "best")
    before = coded_vector(learner.model)
    certificate = certify(learner, settings_of(learner.config, ["bounds.levels=3", "bounds.samples=null"]))
    assert torch.equal(coded_vector(learner.model), before)
    assert certificate.message.counts == tuple(uniform_bins(before.double().numpy(), 3).counts)
    # Of all weights rounded to three values little is left: an eighth of a bit per token at the least.
    assert certificate.risk.bits[0.0001] > learner.score(learner.data.train, 50).loss / np.log(2) + 0.125


def test_gates_are_counted_in_bits_and_left_as_they_were(tmp_path: Path, tiny_overrides: Overrides) -> None:
    learned = ["adapter=sublora", "adapter.allocation=learned", "adapter.intrinsic_dim=60", "adapter.rank=2"]
    run_dir = RunDir(tmp_path / "run")
    trainer = train(config_of(tiny_overrides(*learned, *BOUNDS)), run_dir)
    told = json.loads((run_dir.path / "bounds_metrics.json").read_text())
    sizes = [gate["size"] for gate in told["gate_counts"].values()]
    assert (sum(sizes), told["coded_numbers"], told["adapter"]["intrinsic_dim"]) == (60, 60, 60)
    assert told["gate_bits"] == sum(math.ceil(math.log2(size + 1)) for size in sizes)
    assert told["gates"].keys() == told["gate_counts"].keys() == {"0", "1", "head"}
    # The last step was the best, so that the gates told are those that the learner still has.
    assert read_summary(run_dir).best_step == 12
    assert gates(trainer.learner.model) == told["gates"]


def test_settings_of_the_command_go_over_those_of_the_run(tiny_overrides: Overrides) -> None:
    config = config_of(tiny_overrides("bounds=document", "bounds.samples=20"))
    assert settings_of(config, []) == config.bounds
    assert (settings_of(config, ["bounds.levels=7"]).levels, settings_of(config, ["bounds.levels=7"]).samples) == (7, 20)
    assert settings_of(config, ["bounds=token"]).level_of_independence == "token"
    assert settings_of(config, ["bounds=token"]).samples == 10_000


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["optimizer.lr=1", "model=tiny"], ["'optimizer.lr=1' is no setting of the bounds", "'model=tiny'"]),
        (["bounds.level=7"], ["did you mean 'bounds.levels'"]),
        (["bounds.levels=8", "bounds.epsilon=2"], ["bounds.levels=8", "bounds.epsilon=2"]),
        (["bounds.window_shift=33"], ["model.context_length=32"]),
    ],
)
def test_wrong_settings_are_told_all_at_once(tiny_overrides: Overrides, overrides: list[str], parts: list[str]) -> None:
    with pytest.raises(WrongRequest) as caught:
        settings_of(config_of(tiny_overrides()), overrides)
    for part in parts:
        assert part in "\n".join(caught.value.mistakes)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongRequest, match="not a run directory"):
        main([str(tmp_path)])
