"""Runs that several processes train together, data parallel or in shards, against the same run of one process."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainable.ranks import Ranks
from tests.trainable.test_trainer import IDENTITY, config_of, rows, same_tree
from tests.trainable.test_trainer import train as train_alone
from trainable.checkpoint import load_checkpoint
from trainable.learner import Learner
from trainable.memory import predict
from trainable.optim.registry import OPTIMIZERS
from trainable.request import request_run
from trainable.spec.compose import from_plain, to_plain
from trainable.spec.config import RunConfig
from trainable.spec.mistakes import WrongRequest
from trainable.spec.run_dir import RunDir
from trainable.trainer import Trainer

Overrides = Callable[..., list[str]]
MEASURED = ("train/loss", "eval/loss", "optimizer/grad_norm", "optimizer/update_norm")
# Two halves of a batch are added in another order than the whole: some units in the last place of float32, grown over 12 steps.
REORDERED = 2e-4


def go_on(config: dict[str, Any], path: Path, until: int | None) -> torch.Tensor:
    """Trains up to `until`; the state of torch's generator before the first step."""
    trainer = Trainer(from_plain(config), RunDir(path), IDENTITY)
    state = torch.get_rng_state()
    while not trainer.done and (until is None or trainer.step < until):
        trainer.advance()
    trainer.close()
    return state


def train(ranks: Ranks, config: RunConfig, path: Path, until: int | None = None) -> list[torch.Tensor]:
    return ranks.run(go_on, to_plain(config), path, until)


def measured(path: Path) -> list[float]:
    with open(RunDir(path).metrics_csv) as file:
        return [float(row[name]) for row in csv.DictReader(file) for name in MEASURED if row[name]]


def settings(training: dict[str, Any]) -> list[dict[str, Any]]:
    """Of the optimizer's groups; which kernel takes a step is not one of them."""
    return [{key: value for key, value in group.items() if key != "fused"} for group in training["optimizer"]["param_groups"]]


def final(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    return load_checkpoint(RunDir(path).checkpoint("final"))


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_every_rank_goes_on_with_its_own_dropout(ranks: Ranks, tmp_path: Path, tiny_overrides: Overrides, parallel: str) -> None:
    config = config_of(tiny_overrides("model.dropout=0.1", f"resources.parallel={parallel}"))
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    first, second = train(ranks, config, whole)
    assert not torch.equal(first, second)
    for until in (4, 8, None):
        train(ranks, config, parts, until)
    assert rows(RunDir(parts)) == rows(RunDir(whole))
    (model, training), (again, training_again) = final(whole), final(parts)
    assert same_tree(model, again)
    assert len(training["rng_of_other_ranks"]) == 1
    for part in ("optimizer", "rng", "rng_of_other_ranks"):
        assert same_tree(training[part], training_again[part]), part


@pytest.mark.parametrize(
    "of_the_run",
    [
        *([f"optimizer={name}"] for name, entry in OPTIMIZERS.items() if entry.elementwise),
        ["model.tied_embeddings=true", "data.vocab_size=301", "training.micro_batch_size=1"],
        ["model.architecture=gpt2", "training.grad_clip=0.3"],
        ["training.precision=bf16"],
        ["adapter=lora", "training.micro_batch_size=1"],
        pytest.param(["training.compile=true"], marks=pytest.mark.slow),
    ],
    ids=" ".join,
)
def test_shards_give_what_one_process_gives(ranks: Ranks, tmp_path: Path, tiny_overrides: Overrides, of_the_run: list[str]) -> None:
    alone, together = tmp_path / "alone", tmp_path / "together"
    train_alone(config_of(tiny_overrides(*of_the_run, "training.compile=false")), RunDir(alone))
    train(ranks, config_of(tiny_overrides("resources.parallel=fsdp", *of_the_run)), together)
    near = 0.02 if "training.precision=bf16" in of_the_run else REORDERED
    assert measured(together) == pytest.approx(measured(alone), rel=near)
    (model, training), (other, other_training) = final(alone), final(together)
    assert model.keys() == other.keys()
    assert settings(training) == settings(other_training)
    files = {path.name: path.stat().st_size for path in RunDir(alone).checkpoint("final").glob("*.safetensors")}
    assert files["model.safetensors"] == (RunDir(together).checkpoint("final") / "model.safetensors").stat().st_size


@pytest.mark.parametrize("order", [("fsdp", None, "ddp"), (None, "fsdp", None), ("ddp", "fsdp", "fsdp")], ids=str)
def test_a_run_goes_on_with_another_number_of_ranks(
    ranks: Ranks, tmp_path: Path, tiny_overrides: Overrides, order: tuple[str | None, ...]
) -> None:
    config = config_of(tiny_overrides("model.tied_embeddings=true"))
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train_alone(config, RunDir(whole))
    for until, parallel in zip((4, 8, None), order, strict=True):
        if parallel is None:
            train_alone(config, RunDir(parts), until)
        else:
            train(ranks, config_of(tiny_overrides("model.tied_embeddings=true", f"resources.parallel={parallel}")), parts, until)
    assert measured(parts) == pytest.approx(measured(whole), rel=REORDERED)


def held(config: dict[str, Any], checkpoint: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any], int]:
    """What a learner that went on from `checkpoint` would write, and the bytes of weights and optimizer state that it holds itself."""
    learner = Learner(from_plain(config))
    learner.load(*load_checkpoint(checkpoint))
    model, training = learner.model_state(), learner.training_state()
    tensors = [*learner.model.parameters(), *(t for s in learner.optimizer.state.values() for t in s.values() if t.dim())]
    local = [t.to_local() if hasattr(t, "to_local") else t for t in tensors]
    learner.close()
    return model, training["optimizer"], sum(t.untyped_storage().nbytes() for t in local)


@pytest.mark.parametrize("adapter", ["none", "lora"])
def test_a_rank_holds_its_share_and_all_together_write_what_was_read(
    ranks: Ranks, tmp_path: Path, tiny_overrides: Overrides, adapter: str
) -> None:
    config = config_of(tiny_overrides("resources.parallel=fsdp", "data.vocab_size=301", f"adapter={adapter}"))
    predicted = predict(config, "cpu", ranks=2)
    assert predicted is not None
    train_alone(config, RunDir(tmp_path))
    checkpoint = RunDir(tmp_path).checkpoint("final")
    model, training = load_checkpoint(checkpoint)
    *_, alone = held(to_plain(config), checkpoint)
    (model_again, optimizer_again, first), (_, _, second) = ranks.run(held, to_plain(config), checkpoint)
    assert same_tree(model, model_again)
    assert same_tree(training["optimizer"], optimizer_again)
    # Rows of odd tensors are padded.
    assert alone <= first + second <= 1.01 * alone
    assert [first, second] == pytest.approx([predicted.weights_bytes + predicted.optimizer_state_bytes] * 2, rel=0.01)


def test_what_shards_cannot_do_is_refused_at_once(tiny_overrides: Overrides) -> None:
    whole = tiny_overrides("resources.parallel=fsdp", "adapter=sublora", "training.probes=[hessian]", "bounds.enabled=true")
    with pytest.raises(WrongRequest) as wrong:
        request_run(whole)
    found = " ".join(wrong.value.mistakes)
    assert all(word in found for word in ("adapter=sublora", "training.probes (hessian)", "bounds.enabled=true"))
    assert request_run([word for word in whole if "parallel" not in word])


@pytest.mark.parametrize("name", [name for name, entry in OPTIMIZERS.items() if not entry.elementwise])
def test_an_optimizer_that_needs_whole_tensors_is_refused(name: str) -> None:
    preset = {"hybrid": "hybrid8"}.get(name, name)
    with pytest.raises(WrongRequest, match=f"adam, adamw.*{name} looks at whole tensors"):
        request_run([f"optimizer={preset}", "resources.parallel=fsdp"])


def test_an_unknown_way_to_share_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(WrongRequest, match="did you mean 'fsdp'"):
        request_run(["resources.parallel=fsdb"])
