"""Runs that train an adapter: what they write, that the base is not among it, and that they resume to the last bit."""

import shutil
from collections.abc import Callable
from pathlib import Path

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from tests.trainable.run_rows import rows
from trainable.checkpoint import load_checkpoint
from trainable.evaluate import evaluate
from trainable.learner import Learner
from trainable.model.registry import build_model
from trainable.seeding import seed_everything
from trainable.spec.config import RunConfig
from trainable.spec.mistakes import WrongRequest
from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import read_summary
from trainable.spec.status import Status
from trainable.trainer import Evaluation

MakeConfig = Callable[..., RunConfig]
Train = Callable[..., list[Evaluation]]
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(params=["ours", "pretrained"])
def on_each_base(request: pytest.FixtureRequest, adapted: MakeConfig, tiny_llama: Path) -> MakeConfig:
    base = [f"model.pretrained={tiny_llama}", "model=pretrained", "model.context_length=32"] if request.param == "pretrained" else []
    return lambda *more: adapted(*base, *more)


def test_a_resumed_run_equals_an_uninterrupted_one_to_the_last_bit(tmp_path: Path, on_each_base: MakeConfig, train: Train) -> None:
    config = on_each_base("adapter.dropout=0.2")
    straight = train(config, tmp_path / "whole")
    train(config, tmp_path / "parts", until=4)
    train(config, tmp_path / "parts", until=8)
    resumed = train(config, tmp_path / "parts")
    assert resumed[-1].status == Status.COMPLETED
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")
    assert resumed[-1].metrics["test/loss"] == straight[-1].metrics["test/loss"]
    assert resumed[-1].metrics["downstream/exact_match"] == straight[-1].metrics["downstream/exact_match"]
    weights = [RunDir(tmp_path / name).checkpoint("final") / "model.safetensors" for name in ("whole", "parts")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert files(tmp_path / "parts" / "adapters") == files(tmp_path / "whole" / "adapters")


def test_training_changes_the_adapter_and_nothing_else(tmp_path: Path, on_each_base: MakeConfig, train: Train) -> None:
    config = on_each_base()
    train(config, tmp_path / "run")
    model, training = load_checkpoint(RunDir(tmp_path / "run").checkpoint("final"))
    learner = Learner(config)
    start = {name: tensor.clone() for name, tensor in learner.model.state_dict().items()}
    learner.load_model(model, training)
    changed = {name for name, tensor in learner.model.state_dict().items() if not torch.equal(tensor, start[name])}
    assert changed == set(model) == {name for name in start if "lora_" in name}


def test_a_checkpoint_holds_the_adapter_and_names_its_base(tmp_path: Path, on_each_base: MakeConfig, train: Train) -> None:
    config = on_each_base()
    train(config, tmp_path / "run")
    model, training = load_checkpoint(RunDir(tmp_path / "run").checkpoint("final"))
    # 2 layers, rank 2; q 32 x 32 and v 32 x 32, or 16 x 32 with half the key/value heads
    assert sum(tensor.numel() for tensor in model.values()) == 2 * 2 * (64 + (48 if config.model.pretrained else 64))
    seed = None if config.model.pretrained else config.training.seed
    assert (training["base"]["pretrained"], training["base"]["seed"]) == (config.model.pretrained, seed)


def test_peft_loads_the_final_adapter_onto_the_base_with_the_logits_of_the_run(tmp_path: Path, adapted: MakeConfig, train: Train) -> None:
    config = adapted()
    train(config, tmp_path / "run")
    learner = Learner(config)
    learner.load_model(*load_checkpoint(RunDir(tmp_path / "run").checkpoint("final")))
    seed_everything(config.training.seed)
    loaded = peft.PeftModel.from_pretrained(build_model(config.model), tmp_path / "run" / "adapters" / "final").eval()
    tokens = torch.arange(32).reshape(1, 32)
    assert torch.equal(loaded(tokens), learner.model.eval()(tokens))


def test_peft_loads_it_onto_a_model_of_the_transformers_library_too(
    tmp_path: Path, adapted: MakeConfig, train: Train, tiny_llama: Path
) -> None:
    config = adapted(f"model.pretrained={tiny_llama}", "model.context_length=32")
    train(config, tmp_path / "run")
    learner = Learner(config)
    learner.load_model(*load_checkpoint(RunDir(tmp_path / "run").checkpoint("final")))
    base = AutoModelForCausalLM.from_pretrained(tiny_llama)
    loaded = peft.PeftModel.from_pretrained(base, tmp_path / "run" / "adapters" / "final").eval()
    tokens = torch.arange(32).reshape(1, 32)
    assert torch.equal(loaded(tokens).logits, learner.model.eval()(tokens))


def test_there_is_an_adapter_for_each_whole_epoch_and_one_at_the_end(tmp_path: Path, adapted: MakeConfig, train: Train) -> None:
    """160 training documents of 11 tokens are 13.75 steps of 128 tokens: epochs end at steps 14 and 28."""
    config = adapted("training.max_steps=30", "training.eval_interval=10")
    assert len(Learner(config).data.train) == 160 * 11
    train(config, tmp_path / "run")
    names = ["epoch_0", "epoch_1", "final"]
    assert sorted(path.name for path in (tmp_path / "run" / "adapters").iterdir()) == names
    a, b, c = (load_file(tmp_path / "run" / "adapters" / name / "adapter_model.safetensors") for name in names)
    assert not any(torch.equal(a[name], b[name]) or torch.equal(b[name], c[name]) for name in a)


def test_a_run_without_an_adapter_writes_no_adapters(tmp_path: Path, adapted: MakeConfig, train: Train) -> None:
    train(adapted("adapter=none", "adapter.rank=null"), tmp_path / "run")
    assert not (tmp_path / "run" / "adapters").exists()


def test_a_pretrained_model_is_trained_whole_without_an_adapter(
    tmp_path: Path, adapted: MakeConfig, train: Train, tiny_llama: Path
) -> None:
    config = adapted("adapter=none", "adapter.rank=null", f"model.pretrained={tiny_llama}", "model.context_length=32")
    (first, *_, last) = train(config, tmp_path / "run")
    assert (config.model.architecture, config.model.num_layers, config.model.d_model) == ("pretrained", 2, 32)
    assert (last.metrics["eval/loss"] or 0.0) < (first.metrics["eval/loss"] or 0.0)
    assert read_summary(RunDir(tmp_path / "run")).parameters == 26_816


def test_evaluating_the_final_checkpoint_gives_the_numbers_of_the_run(tmp_path: Path, adapted: MakeConfig, train: Train) -> None:
    config = adapted()
    last = train(config, tmp_path / "run")[-1]
    again = evaluate(RunDir(tmp_path / "run"), "final", batches=2)
    for name in ("eval/loss", "test/loss", "downstream/exact_match"):
        assert again[name] == last.metrics[name]


def test_a_base_that_has_changed_since_is_told_and_not_trained_on(
    tmp_path: Path, adapted: MakeConfig, train: Train, tiny_llama: Path
) -> None:
    pretrained = tmp_path / "pretrained"
    shutil.copytree(tiny_llama, pretrained)
    config = adapted(f"model.pretrained={pretrained}", "model.context_length=32")
    train(config, tmp_path / "run", until=4)
    weights = load_file(pretrained / "model.safetensors")
    weights["model.norm.weight"][0] += 1e-3
    save_file(weights, pretrained / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WrongRequest, match=r"frozen base from .*pretrained with SHA-256"):
        Learner(config).load(*load_checkpoint(RunDir(tmp_path / "run").checkpoint(4)))
