from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from trainable.checkpoint import load_checkpoint
from trainable.export import main
from trainable.learner import Learner
from trainable.model.registry import build_model
from trainable.spec.config import ModelConfig, RunConfig
from trainable.spec.mistakes import WrongRequest
from trainable.spec.run_dir import RunDir
from trainable.trainer import Evaluation

MakeConfig = Callable[..., RunConfig]
Train = Callable[..., list[Evaluation]]
TOKENS = torch.arange(32).reshape(1, 32)


def logits(config: RunConfig, run: Path, checkpoint: str = "best") -> torch.Tensor:
    learner = Learner(config)
    learner.load_model(*load_checkpoint(RunDir(run).checkpoint(checkpoint)))
    found: torch.Tensor = learner.model.eval()(TOKENS)
    return found


def test_merged_weights_are_a_model_to_start_from(tmp_path: Path, adapted: MakeConfig, train: Train) -> None:
    """Float32 sums in another order, logits of order 1."""
    config, run = adapted("model.tied_embeddings=true"), tmp_path / "run"
    train(config, run)
    assert main([str(run), "--format", "merged"]) == 0
    folder = run / "exports" / "merged"
    assert {path.name for path in folder.iterdir()} == {"model.json", "model.safetensors", "tokenizer.json"}
    model = build_model(ModelConfig(pretrained=str(folder))).eval()
    torch.testing.assert_close(model(TOKENS), logits(config, run), rtol=1e-4, atol=1e-4)
    given = [f"model.pretrained={folder}", f"data.tokenizer={folder}", "model.context_length=32"]
    again = adapted(*given, "training.max_steps=4")
    assert (again.model.d_model, again.model.tied_embeddings, again.model.architecture) == (32, True, "transformer_lm")
    assert torch.equal(Learner(again).model.eval()(TOKENS), model(TOKENS))
    train(again, tmp_path / "further")


def test_merged_weights_on_a_pretrained_base_are_read_by_the_transformers_library(
    tmp_path: Path, adapted: MakeConfig, train: Train, tiny_llama: Path
) -> None:
    """Float32 sums in another order, logits of order 1."""
    config, run, out = adapted(f"model.pretrained={tiny_llama}", "model.context_length=32"), tmp_path / "run", tmp_path / "merged"
    train(config, run)
    main([str(run), "--format", "merged", "--checkpoint", "final", "--out", str(out)])
    model = AutoModelForCausalLM.from_pretrained(out)
    torch.testing.assert_close(model(TOKENS).logits, logits(config, run, "final"), rtol=1e-4, atol=1e-4)
    assert not torch.equal(model(TOKENS).logits, AutoModelForCausalLM.from_pretrained(tiny_llama)(TOKENS).logits)


def test_a_model_trained_whole_is_exported_to_the_bit(tmp_path: Path, adapted: MakeConfig, train: Train) -> None:
    config, run = adapted("adapter=none", "adapter.rank=null"), tmp_path / "run"
    train(config, run)
    main([str(run), "--format", "merged"])
    assert torch.equal(build_model(ModelConfig(pretrained=str(run / "exports" / "merged"))).eval()(TOKENS), logits(config, run))


def test_all_mistakes_of_an_export_come_together(tmp_path: Path) -> None:
    with pytest.raises(WrongRequest) as caught:
        main([str(tmp_path), "--format", "mergd", "--out", str(tmp_path)])
    unknown, taken = caught.value.mistakes
    assert "did you mean 'merged'" in unknown
    assert "exists already" in taken


def test_what_is_not_a_run_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(WrongRequest, match="not a run directory"):
        main([str(tmp_path), "--format", "merged"])
    assert list(tmp_path.iterdir()) == []
