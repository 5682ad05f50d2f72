"""Runs in a subspace: what their checkpoints hold, that each can be evaluated alone, and that they resume to the last bit."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.trainable.run_rows import rows
from trainable.adapters.coding import gates
from trainable.adapters.subspace.model import SubspaceModel
from trainable.checkpoint import load_checkpoint
from trainable.evaluate import evaluate
from trainable.learner import Learner
from trainable.spec.config import RunConfig
from trainable.spec.mistakes import WrongRequest
from trainable.spec.run_dir import RunDir
from trainable.spec.status import Status
from trainable.trainer import Evaluation

MakeConfig = Callable[..., RunConfig]
Train = Callable[..., list[Evaluation]]
SUBSPACE = "adapter=sublora adapter.intrinsic_dim=200 optimizer.lr=0.05".split()
LEARNED = [*SUBSPACE, "adapter.allocation=learned", "adapter.rank=8", "adapter.gate_lr=0.1"]
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def trained(folder: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(RunDir(folder).checkpoint("final"))[0]


@pytest.mark.parametrize("mode", ["uniform", "learned"])
def test_a_resumed_run_equals_an_uninterrupted_one_to_the_last_bit(tmp_path: Path, adapted: MakeConfig, train: Train, mode: str) -> None:
    config = adapted(*(LEARNED if mode == "learned" else SUBSPACE))
    straight = train(config, tmp_path / "whole")
    train(config, tmp_path / "parts", until=4)
    resumed = train(config, tmp_path / "parts")
    assert resumed[-1].status == Status.COMPLETED
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")
    assert resumed[-1].metrics["test/loss"] == straight[-1].metrics["test/loss"]
    weights = [RunDir(tmp_path / name).checkpoint("final") / "model.safetensors" for name in ("whole", "parts")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_checkpoint_holds_what_the_hypothesis_is_coded_by_and_can_be_evaluated_alone(
    tmp_path: Path, adapted: MakeConfig, train: Train
) -> None:
    evaluations = train(adapted(*LEARNED), tmp_path / "run")
    model, training = load_checkpoint(RunDir(tmp_path / "run").checkpoint("final"))
    assert {name: tuple(tensor.shape) for name, tensor in model.items()} == {
        "coordinates": (200,),
        **{f"gates.{group}.gate": () for group in ("0", "1", "head")},
    }
    assert training["base"]["seed"] == 42
    assert evaluate(RunDir(tmp_path / "run"), "final", batches=2)["eval/loss"] == evaluations[-1].metrics["eval/loss"]
    first, last = evaluations[0].metrics["eval/loss"], evaluations[-1].metrics["eval/loss"]
    assert first is not None
    assert last is not None
    assert last < first


def test_training_moves_nothing_but_coordinates_and_gates(tmp_path: Path, adapted: MakeConfig, train: Train) -> None:
    config = adapted(*LEARNED)
    train(config, tmp_path / "run")
    learner = Learner(config)
    start = {name: tensor.clone() for name, tensor in learner.model.state_dict().items()}
    learner.load_model(*load_checkpoint(RunDir(tmp_path / "run").checkpoint("final")))
    changed = {name for name, tensor in learner.model.state_dict().items() if not torch.equal(tensor, start[name])}
    assert changed == {"coordinates", "gates.0.gate", "gates.1.gate", "gates.head.gate"}


def test_another_seed_of_the_run_or_of_the_projector_is_another_base(tmp_path: Path, adapted: MakeConfig, train: Train) -> None:
    train(adapted(*SUBSPACE), tmp_path / "run")
    found = load_checkpoint(RunDir(tmp_path / "run").checkpoint("final"))
    for other in ("training.seed=7", "adapter.projector_seed=7"):
        with pytest.raises(WrongRequest, match="frozen base"):
            Learner(adapted(*SUBSPACE, other)).load_model(*found)


def test_runs_of_different_seeds_end_apart_and_the_same_seed_repeats(tmp_path: Path, adapted: MakeConfig, train: Train) -> None:
    for name, seed in (("a", 42), ("b", 42), ("c", 123)):
        train(adapted(*SUBSPACE, f"training.seed={seed}"), tmp_path / name)
    a, b, c = (trained(tmp_path / name)["coordinates"] for name in "abc")
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_gates_learn_at_their_own_rate_and_do_not_decay(adapted: MakeConfig) -> None:
    """Adam's first step is as long as the learning rate, whatever the gradient; the schedule starts with its peak."""
    learner = Learner(adapted(*LEARNED, "schedule=constant", "optimizer.weight_decay=0.5"))
    groups = {group["weight_decay"]: group for group in learner.optimizer.param_groups}
    assert sorted(groups) == [0.0, 0.5]
    assert isinstance(learner.model, SubspaceModel)
    learner.model.coordinates.data.normal_(generator=torch.Generator().manual_seed(0))
    learner.take_step(1, measure_update=False)
    assert groups[0.5]["lr"] == 0.05
    assert groups[0.0]["lr"] == pytest.approx(0.1)
    logits = [abs(torch.logit(torch.tensor(gamma)).item()) for gamma in gates(learner.model).values()]
    assert logits == pytest.approx([0.1] * 3, rel=1e-3)


def test_micro_batches_and_bf16_train_too(tmp_path: Path, adapted: MakeConfig, train: Train) -> None:
    last = train(adapted(*LEARNED, "training.micro_batch_size=2", "training.precision=bf16"), tmp_path / "run")[-1]
    assert last.status == Status.COMPLETED


@pytest.mark.parametrize("more", [["adapter.intrinsic_dim=0"], ["adapter.rank=0"], ["adapter.intrinsic_dim=0", "adapter.rank=0"]])
def test_the_study_s_other_methods_are_values_of_the_same_settings(
    tmp_path: Path, adapted: MakeConfig, train: Train, more: list[str]
) -> None:
    evaluations = train(adapted(*SUBSPACE, *more), tmp_path / "run")
    first, last = evaluations[0].metrics["eval/loss"], evaluations[-1].metrics["eval/loss"]
    assert first is not None
    assert last is not None
    assert last < first
