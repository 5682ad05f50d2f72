"""Runs in lanes: the same numbers and the same checkpoints as each run by itself, whoever its neighbours are."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
import torch

from trainable.checkpoint import load_checkpoint
from trainable.data.prepare import prepare
from trainable.lanes.engine import Engine
from trainable.lanes.lane import Lane
from trainable.lanes.lane_learner import LaneLearner
from trainable.lanes.requests import TrainRequest
from trainable.lanes.round import Round
from trainable.request import request_run
from trainable.run_record import RunIdentity
from trainable.spec.config import RunConfig
from trainable.spec.run_dir import RunDir
from trainable.spec.status import Status
from trainable.trainer import Trainer

Overrides = Callable[..., list[str]]
Configure = Callable[..., RunConfig]
Curve = list[tuple[int, float]]

# Sums of a few thousand float32 products in another order, over a dozen steps of a small learning rate.
TOLERANCE = 2e-5


@pytest.fixture
def configure(tiny_overrides: Overrides) -> Configure:
    def of(*overrides: str) -> RunConfig:
        config = request_run(tiny_overrides(*overrides))
        prepare(config.data)
        return config

    return of


@pytest.fixture
def lanes() -> Iterator[Round]:
    found = Round(capacity=4)
    yield found
    found.close()


@pytest.fixture
def widths(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many lanes were computed at once, step by step."""
    train, found = Engine.train, list[int]()

    def noted(self: Engine, requests: Sequence[TrainRequest]) -> object:
        found.append(len(requests))
        return train(self, requests)

    monkeypatch.setattr(Engine, "train", noted)
    return found


def identity(name: str) -> RunIdentity:
    return RunIdentity(trial=name, cell="cell", seed=1, hypothesis="")


def finish(trainer: Trainer, until: int = 1_000) -> Trainer:
    try:
        while not trainer.done and trainer.step < until:
            trainer.advance()
    finally:
        trainer.close()
    return trainer


def alone(config: RunConfig, folder: Path, until: int = 1_000) -> Trainer:
    return finish(Trainer(config, RunDir(folder), identity(folder.name)), until)


def in_lane(lanes: Round, config: RunConfig, folder: Path, until: int = 1_000, **shared: int) -> Callable[[Lane], Trainer]:
    def job(lane: Lane) -> Trainer:
        learn = partial(LaneLearner, lane=lane, lanes=lanes, **shared)
        return finish(Trainer(config, RunDir(folder), identity(folder.name), learn=learn), until)

    return job


def together(lanes: Round, configs: Sequence[RunConfig], folder: Path, until: int = 1_000, **shared: int) -> list[Trainer]:
    jobs = [in_lane(lanes, config, folder / f"lane{i}", until, **shared) for i, config in enumerate(configs)]
    running = [lanes.submit(str(i), job) for i, job in enumerate(jobs)]
    found = [one.result(timeout=120) for one in running]
    for i in range(len(jobs)):
        lanes.end(str(i)).result()
    return found


def curve(trainer: Trainer) -> Curve:
    return [(step, float(row["eval/loss"] or 0.0)) for step, row in trainer.evaluations]


def assert_like(found: Trainer, expected: Trainer) -> None:
    assert [step for step, _ in curve(found)] == [step for step, _ in curve(expected)]
    assert [loss for _, loss in curve(found)] == pytest.approx([loss for _, loss in curve(expected)], rel=TOLERANCE)
    for (_, row), (_, wanted) in zip(found.evaluations, expected.evaluations, strict=True):
        for name in ("train/loss", "optimizer/lr", "optimizer/grad_norm", "optimizer/update_norm"):
            assert row[name] == pytest.approx(wanted[name], rel=1e-3), name


@pytest.mark.parametrize(
    "shape",
    [
        ["optimizer=adamw"],
        ["optimizer=adam", "model.tied_embeddings=true"],
        ["optimizer=sgd", "model.num_kv_heads=1"],
        ["optimizer=adam8bit", "model.d_model=64", "model.d_ff=128"],
        ["optimizer=hybrid8", "model.d_model=64", "model.d_ff=128"],
        ["optimizer=muon"],
        ["optimizer=adamw", "model.architecture=gpt2"],
        ["optimizer=adamw", "adapter=lora", "adapter.dropout=0", "adapter.target_modules=[q_proj,v_proj]", "training.seed=3"],
    ],
    ids=["adamw", "adam-tied", "sgd-grouped", "adam8bit", "hybrid8", "muon", "gpt2", "lora"],
)
def test_every_lane_has_the_curve_of_its_run_alone(
    shape: list[str], configure: Configure, lanes: Round, tmp_path: Path, widths: list[int]
) -> None:
    own = [
        ["optimizer.lr=1e-3", "schedule.warmup_steps=3"],
        ["optimizer.lr=2e-3", "optimizer.weight_decay=0.5", "schedule=constant"],
        ["optimizer.lr=5e-4", "training.grad_clip=0.1"],
    ]
    if "adapter=lora" not in shape:  # lanes on a frozen base share it, and the seed draws it
        own[1] += ["training.seed=7"]
    configs = [configure(*shape, *overrides) for overrides in own]
    found = together(lanes, configs, tmp_path)
    for config, trainer in zip(configs, found, strict=True):
        assert_like(trainer, alone(config, tmp_path / f"alone-{trainer.run_dir.path.name}"))
    assert max(widths) == len(configs)


def test_a_run_goes_on_in_a_lane_and_alone_from_the_same_checkpoints(configure: Configure, lanes: Round, tmp_path: Path) -> None:
    configs = [configure("training.seed=1"), configure("training.seed=2", "optimizer.lr=1e-3")]
    whole = alone(configs[0], tmp_path / "whole")
    together(lanes, configs, tmp_path, until=4)
    alone(configs[1], tmp_path / "first-alone", until=4)
    lane_model, lane_state = load_checkpoint(RunDir(tmp_path / "lane1").checkpoint(4))
    model, state = load_checkpoint(RunDir(tmp_path / "first-alone").checkpoint(4))
    assert lane_model.keys() == model.keys()
    assert all(torch.allclose(lane_model[name], model[name], rtol=1e-4, atol=1e-6) for name in model)
    assert lane_state["optimizer"]["param_groups"] == state["optimizer"]["param_groups"]
    assert {key: entry.keys() for key, entry in lane_state["optimizer"]["state"].items()} == {
        key: entry.keys() for key, entry in state["optimizer"]["state"].items()
    }
    assert json.dumps(lane_state["rng"]["numpy"]) == json.dumps(state["rng"]["numpy"])
    assert torch.equal(lane_state["rng"]["torch"], state["rng"]["torch"])
    assert_like(alone(configs[0], tmp_path / "lane0"), whole)
    began_alone = in_lane(lanes, configs[1], tmp_path / "first-alone")
    assert_like(lanes.submit("late", began_alone).result(timeout=60), alone(configs[1], tmp_path / "lane1"))


def test_a_resumed_lane_is_bit_for_bit_the_uninterrupted_one(configure: Configure, lanes: Round, tmp_path: Path) -> None:
    configs = [configure("training.seed=1"), configure("training.seed=2", "optimizer.lr=1e-3")]
    whole = together(lanes, configs, tmp_path / "whole")
    together(lanes, configs, tmp_path / "parts", until=8)
    resumed = together(lanes, configs, tmp_path / "parts")
    assert [curve(trainer) for trainer in resumed] == [curve(trainer) for trainer in whole]


def test_a_lane_that_diverges_changes_no_bit_of_another(configure: Configure, lanes: Round, tmp_path: Path) -> None:
    quiet = [configure("training.seed=1"), configure("training.seed=2")]
    wild = configure("optimizer.lr=1e30", "training.grad_clip=0", "optimizer=sgd")
    first = together(lanes, quiet, tmp_path / "quiet")
    *calm, diverged = together(lanes, [*quiet, wild], tmp_path / "beside")
    assert diverged.status == Status.DIVERGED
    assert [curve(trainer) for trainer in calm] == [curve(trainer) for trainer in first]


def test_the_place_of_a_lane_that_ended_is_taken_while_the_others_go_on(configure: Configure, tmp_path: Path) -> None:
    lanes = Round(capacity=2)
    short, long, late = configure("training.max_steps=4"), configure("training.max_steps=24"), configure("training.seed=9")
    running = lanes.submit("long", in_lane(lanes, long, tmp_path / "long"))
    lanes.submit("other", in_lane(lanes, short, tmp_path / "short")).result(timeout=60)
    taken = lanes.submit("other", in_lane(lanes, late, tmp_path / "late")).result(timeout=60)
    assert_like(taken, alone(late, tmp_path / "late-alone"))
    assert_like(running.result(timeout=60), alone(long, tmp_path / "long-alone"))
    lanes.close()


def test_a_lane_that_finds_no_room_trains_by_itself(configure: Configure, tmp_path: Path, widths: list[int]) -> None:
    lanes = Round(capacity=2)
    configs = [configure(f"training.seed={seed}") for seed in (1, 2, 3)]
    for config, trainer in zip(configs, together(lanes, configs, tmp_path), strict=True):
        assert_like(trainer, alone(config, tmp_path / f"alone-{trainer.run_dir.path.name}"))
    assert max(widths) == 2
    lanes.close()


def test_other_batch_sizes_come_by_accumulation(configure: Configure, lanes: Round, tmp_path: Path, widths: list[int]) -> None:
    configs = [configure("training.batch_size=4"), configure("training.batch_size=8"), configure("training.batch_size=10")]
    found = together(lanes, configs, tmp_path, rows=4)
    for config, trainer in zip(configs, found, strict=True):
        assert_like(trainer, alone(config, tmp_path / f"alone-{trainer.run_dir.path.name}"))
    assert max(widths) == len(configs)


def test_adapters_of_other_ranks_are_computed_at_the_largest(configure: Configure, lanes: Round, tmp_path: Path, widths: list[int]) -> None:
    lora = ["adapter=lora", "adapter.dropout=0", "adapter.target_modules=[q_proj,w2]", "optimizer.lr=1e-2"]
    configs = [configure(*lora, f"adapter.rank={rank}", "adapter.alpha=8", "training.seed=3") for rank in (2, 4, 8)]
    together(lanes, configs, tmp_path, until=4, rank=8)
    found = together(lanes, configs, tmp_path, rank=8)
    for rank, config, trainer in zip((2, 4, 8), configs, found, strict=True):
        assert_like(trainer, alone(config, tmp_path / f"alone-{rank}"))
        model, state = load_checkpoint(trainer.run_dir.checkpoint("final"))
        expected, expected_state = load_checkpoint(RunDir(tmp_path / f"alone-{rank}").checkpoint("final"))
        assert {name: tensor.shape for name, tensor in model.items()} == {name: tensor.shape for name, tensor in expected.items()}
        moments = expected_state["optimizer"]["state"]
        assert state["optimizer"]["state"][0]["exp_avg"].shape == moments[0]["exp_avg"].shape
    assert max(widths) == len(configs)


@pytest.mark.parametrize("more", [["model.dropout=0.1"], ["adapter=sublora", "adapter.intrinsic_dim=50", "adapter.rank=2"]])
def test_what_cannot_be_computed_together_is_bit_for_bit_the_run_alone(
    more: list[str], configure: Configure, lanes: Round, tmp_path: Path
) -> None:
    configs = [configure("training.seed=1", *more), configure("training.seed=2", *more)]
    for config, trainer in zip(configs, together(lanes, configs, tmp_path), strict=True):
        assert curve(trainer) == curve(alone(config, tmp_path / f"alone-{trainer.run_dir.path.name}"))


def test_lanes_that_do_not_fit_at_once_are_computed_in_parts(
    configure: Configure, lanes: Round, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses, sizes = Engine._losses, list[int]()

    def small(self: Engine, requests: Sequence[object], shares: Sequence[object]) -> object:
        sizes.append(len(requests))
        if len(requests) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return losses(self, requests, shares)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "_losses", small)
    configs = [configure(f"training.seed={seed}") for seed in range(1, 5)]
    for config, trainer in zip(configs, together(lanes, configs, tmp_path), strict=True):
        assert_like(trainer, alone(config, tmp_path / f"alone-{trainer.run_dir.path.name}"))
    assert max(sizes) > 2
    assert sizes[-1] <= 2


def test_a_failure_of_all_lanes_reaches_each(configure: Configure, lanes: Round, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Engine, requests: object) -> None:
        raise RuntimeError("the device is gone")

    monkeypatch.setattr(Engine, "train", broken)
    running = [lanes.submit(name, in_lane(lanes, configure(), tmp_path / name)) for name in ("one", "two")]
    for one in running:
        with pytest.raises(RuntimeError, match="the device is gone"):
            one.result(timeout=60)


def test_a_probe_sees_the_lane_as_it_sees_a_run(configure: Configure, lanes: Round, tmp_path: Path) -> None:
    probed = ["training.probes=[quant_trajectory]", "optimizer=adam"]
    configs = [configure("training.seed=1", *probed), configure("training.seed=2")]
    found = together(lanes, configs, tmp_path)[0]
    expected = alone(configs[0], tmp_path / "alone")
    assert_like(found, expected)
    names = [name for name in expected.evaluations[-1][1] if name.startswith("quant/")]
    assert names
    for name in names:
        assert found.evaluations[-1][1][name] == pytest.approx(expected.evaluations[-1][1][name], rel=1e-2, abs=1e-7)
