from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from trainable.adapters.subspace.model import SubspaceModel
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


SUBLORA_FILES = "best_ckpt ckpt_at_random_initialization forward_ckpt_at_random_initialization trainable_initparams names".split()


@pytest.mark.parametrize("mode", [["adapter.allocation=uniform"], ["adapter.allocation=learned", "adapter.rank=8"], ["adapter.rank=0"]])
def test_a_run_in_a_subspace_is_exported_under_the_names_of_the_study(
    tmp_path: Path, adapted: MakeConfig, train: Train, mode: list[str]
) -> None:
    config, run = adapted("adapter=sublora", "adapter.intrinsic_dim=200", "optimizer.lr=0.05", *mode), tmp_path / "run"
    train(config, run)
    assert main([str(run), "--format", "sublora"]) == 0
    folder = run / "exports" / "sublora"
    assert {path.name for path in folder.iterdir()} == {f"{name}.pt" for name in SUBLORA_FILES}
    best, start, forward, init, names = (torch.load(folder / f"{name}.pt", weights_only=True) for name in SUBLORA_FILES)
    trained, _ = load_checkpoint(RunDir(run).checkpoint("best"))
    assert torch.equal(best["raw_model"]["subspace_params"], trained["coordinates"])
    gates = {name for name in best["raw_model"] if name.startswith("gating_params.")}
    assert gates == ({f"gating_params.{group}" for group in ("0", "1", "misc")} if config.adapter.allocation == "learned" else set())
    assert best["config"]["adapter"]["intrinsic_dim"] == 200
    assert start["raw_model"].keys() == best["raw_model"].keys()
    assert all(not tensor.any() for tensor in start["raw_model"].values())
    assert [tuple(forward[name].shape) for name in names] == [tuple(tensor.shape) for tensor in init]
    # From these files and P alone the weights of the best checkpoint come out, in the order of the names.
    learner = Learner(config)
    learner.load_model(*load_checkpoint(RunDir(run).checkpoint("best")))
    assert isinstance(learner.model, SubspaceModel)
    if config.adapter.allocation == "uniform":
        moved = learner.model.projections["all"](best["raw_model"]["subspace_params"])
        flat = torch.cat([tensor.flatten() for tensor in init]) + moved
        assert torch.equal(flat, torch.cat([learner.model.weights()[name].flatten() for name in names]))


def test_a_run_without_a_subspace_has_no_such_export(tmp_path: Path, adapted: MakeConfig, train: Train) -> None:
    train(adapted(), tmp_path / "run")
    with pytest.raises(WrongRequest, match=r"\(adapter=lora\) has no subspace"):
        main([str(tmp_path / "run"), "--format", "sublora"])
    assert not (tmp_path / "run" / "exports" / "sublora").exists()


def test_merged_weights_of_a_subspace_are_a_model_to_start_from(tmp_path: Path, adapted: MakeConfig, train: Train) -> None:
    """Float32 sums in another order, logits of order 1."""
    config, run = adapted("adapter=sublora", "adapter.intrinsic_dim=200", "optimizer.lr=0.05"), tmp_path / "run"
    train(config, run)
    main([str(run), "--format", "merged"])
    model = build_model(ModelConfig(pretrained=str(run / "exports" / "merged"))).eval()
    torch.testing.assert_close(model(TOKENS), logits(config, run), rtol=1e-4, atol=1e-4)


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
