"""Contract of every probe: it measures what it declares, and no bit of the training differs for it."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainable.run_rows import OF_THE_MACHINE
from trainable.checkpoint import load_checkpoint
from trainable.data.prepare import prepare
from trainable.device import MemoryMeter
from trainable.learner import Learner
from trainable.probes.probe_set import ProbeSet
from trainable.probes.registry import PROBES, probe_metrics
from trainable.request import request_run
from trainable.run_record import RunIdentity
from trainable.seeding import rng_states
from trainable.spec.config import RunConfig
from trainable.spec.identity import cell_of
from trainable.spec.metric_names import EVERY_RUN, METRICS
from trainable.spec.mistakes import WrongRequest
from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import read_summary
from trainable.trainer import Trainer

Overrides = Callable[..., list[str]]
ALL = f"training.probes=[{','.join(PROBES)}]"
# Small, with tensors on both sides of 4096 entries, and with random numbers in every step.
SHAPE = ["model.d_model=64", "model.d_ff=96", "model.num_layers=1", "model.dropout=0.1"]


def config_of(overrides: list[str]) -> RunConfig:
    config = request_run(overrides)
    prepare(config.data)
    return config


def train(config: RunConfig, run_dir: RunDir, until: int | None = None) -> None:
    trainer = Trainer(config, run_dir, RunIdentity(trial="cell-s1", cell="cell", seed=1))
    while not trainer.done and (until is None or trainer.step < until):
        trainer.advance()
    trainer.close()


def flat(tree: Any, path: str = "") -> dict[str, Any]:
    if isinstance(tree, dict):
        return {name: leaf for key, item in tree.items() for name, leaf in flat(item, f"{path}/{key}").items()}
    if isinstance(tree, list | tuple):
        return {name: leaf for key, item in enumerate(tree) for name, leaf in flat(item, f"{path}/{key}").items()}
    return {path: tree}


def assert_same(one: Any, other: Any) -> None:
    one, other = flat(one), flat(other)
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]) if isinstance(one[name], torch.Tensor) else one[name] == other[name], name


def rows(run_dir: RunDir) -> list[dict[str, str]]:
    with open(run_dir.metrics_csv) as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("optimizer", ["adamw", "adam8bit", "hybrid8", "adafactor"])
def test_a_run_with_all_probes_is_the_run_without_to_the_last_bit(tmp_path: Path, tiny_overrides: Overrides, optimizer: str) -> None:
    overrides = tiny_overrides(f"optimizer={optimizer}", *SHAPE, "training.micro_batch_size=2", "training.max_steps=8")
    plain, probed = RunDir(tmp_path / "plain"), RunDir(tmp_path / "probed")
    train(config_of(overrides), plain)
    train(config_of([*overrides, ALL]), probed)
    (model, state), (model_again, state_again) = (load_checkpoint(run.checkpoint("final")) for run in (plain, probed))
    assert_same(model, model_again)
    assert_same(state["optimizer"], state_again["optimizer"])
    assert_same(state["rng"], state_again["rng"])
    of_the_run = [name for name in EVERY_RUN if not name.startswith(OF_THE_MACHINE)]
    assert [[row[name] for name in of_the_run] for row in rows(plain)] == [[row[name] for name in of_the_run] for row in rows(probed)]


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_measures_what_it_declares_and_touches_nothing(tiny_overrides: Overrides, name: str) -> None:
    config = config_of(tiny_overrides(f"training.probes=[{name}]", *SHAPE))
    learner = Learner(config)
    probes = ProbeSet(learner, MemoryMeter(learner.device))
    learner.take_step(1, measure_update=False)
    was = [p.detach().clone() for p in learner.model.parameters()], json.dumps(flat(rng_states()), default=lambda t: t.tolist())
    state = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in flat(learner.optimizer.state_dict()).items()}
    found = probes.measure(4)
    assert list(found) == list(PROBES[name].metrics) == probe_metrics([name])
    assert all(value is not None and value >= 0 and metric in METRICS for metric, value in found.items())
    assert all(torch.equal(a, b) for a, b in zip(was[0], learner.model.parameters(), strict=True))
    assert all(p.grad is None and p.requires_grad for p in learner.model.parameters())
    assert_same(state, flat(learner.optimizer.state_dict()))
    assert json.dumps(flat(rng_states()), default=lambda t: t.tolist()) == was[1]
    assert learner.model.training
    assert probes.measure(4) == found


def test_columns_follow_those_of_every_run_and_are_filled_when_probes_are_due(tmp_path: Path, tiny_overrides: Overrides) -> None:
    run_dir = RunDir(tmp_path / "run")
    train(config_of(tiny_overrides("training.probes=[sharpness,quant]", "training.probe_interval=8")), run_dir)
    found = rows(run_dir)
    assert list(found[0]) == [*EVERY_RUN, *PROBES["quant"].metrics, *PROBES["sharpness"].metrics]
    assert [row["step"] for row in found if row["theory/sharpness"]] == ["8", "12"]
    summary = read_summary(run_dir)
    assert summary.metrics["theory/sharpness"] == float(found[-1]["theory/sharpness"])
    assert summary.probe_seconds is not None
    assert 0 < summary.probe_seconds < summary.duration_seconds


def test_a_run_without_probes_reports_no_cost(tmp_path: Path, tiny_overrides: Overrides) -> None:
    run_dir = RunDir(tmp_path / "run")
    train(config_of(tiny_overrides("training.max_steps=4")), run_dir)
    summary = read_summary(run_dir)
    assert summary.probe_seconds is None
    assert summary.predicted_peak_memory_gb is not None
    assert list(rows(run_dir)[0]) == EVERY_RUN


def test_a_resumed_run_measures_what_an_uninterrupted_one_does(tmp_path: Path, tiny_overrides: Overrides) -> None:
    config = config_of(tiny_overrides("optimizer=adam8bit", *SHAPE, ALL))
    whole, parts = RunDir(tmp_path / "whole"), RunDir(tmp_path / "parts")
    train(config, whole)
    train(config, parts, until=8)
    cost = read_summary(parts).probe_seconds
    train(config, parts)
    measured = probe_metrics(PROBES)
    assert [[row[name] for name in measured] for row in rows(parts)] == [[row[name] for name in measured] for row in rows(whole)]
    assert (read_summary(parts).probe_seconds or 0) > (cost or 0) > 0


def test_a_probe_that_runs_out_of_memory_costs_only_its_numbers(
    tmp_path: Path, tiny_overrides: Overrides, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainable.probes import hessian

    monkeypatch.setattr(hessian, "largest_eigenvalue", lambda *_: torch.empty(2**60))
    run_dir = RunDir(tmp_path / "run")
    train(config_of(tiny_overrides("training.probes=[hessian,lowrank]", "training.max_steps=4")), run_dir)
    assert read_summary(run_dir).status == "completed"
    assert (rows(run_dir)[-1]["theory/hessian_max_eigenvalue"], rows(run_dir)[-1]["lowrank/rank"]) == ("", "1")


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["training.probes=[hesian]"], ["'hesian'", "did you mean 'hessian'"]),
        (["training.probes=[quant,quant]"], ["'quant' more than once"]),
        (["training.probe_interval=15"], ["training.probe_interval=15", "multiple of training.eval_interval=40"]),
        (["training.probe_interval=0"], ["training.probe_interval=0", "above 0"]),
    ],
)
def test_wrong_requests_are_told_before_anything_starts(overrides: list[str], parts: list[str]) -> None:
    with pytest.raises(WrongRequest) as caught:
        request_run(overrides)
    for part in parts:
        assert part in str(caught.value)


def test_probes_do_not_make_another_cell() -> None:
    assert cell_of(request_run([ALL, "training.probe_interval=80"])) == cell_of(request_run([]))
