from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from torch.utils.flop_counter import FlopCounterMode

from trainable.model.registry import MODELS, build_model
from trainable.model.size import SHAPES, flops_per_token, parameter_count, parameter_shapes
from trainable.spec import config as spec
from trainable.spec.config import ModelConfig
from trainable.spec.mistakes import WrongRequest

PRESETS = Path(spec.__file__).parent / "presets" / "model"


def preset(name: str) -> ModelConfig:
    values = OmegaConf.to_container(OmegaConf.load(PRESETS / f"{name}.yaml"))
    assert isinstance(values, dict)
    return ModelConfig(**{"vocab_size": 1024, **{str(key): value for key, value in values.items() if key != "defaults"}})


@pytest.mark.parametrize("name", sorted({path.stem for path in PRESETS.glob("*.yaml")} - {"pretrained"}))
def test_shapes_are_those_of_the_model(name: str) -> None:
    config = preset(name)
    with torch.device("meta"):
        model = build_model(config)
    assert list(parameter_shapes(config).items()) == [(key, tuple(p.shape)) for key, p in model.named_parameters()]
    assert parameter_count(config) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(("architecture", "tied", "kv_heads"), [("gpt2", False, None), ("transformer_lm", True, 1)])
def test_shapes_are_those_of_the_model_in_the_forms_without_a_preset(architecture: str, tied: bool, kv_heads: int | None) -> None:
    config = ModelConfig(architecture=architecture, vocab_size=99, num_kv_heads=kv_heads, tied_embeddings=tied)
    model = build_model(config)
    assert list(parameter_shapes(config).items()) == [(key, tuple(p.shape)) for key, p in model.named_parameters()]


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("gpt2-small", 124_439_808),  # Hugging Face: gpt2
        ("gpt2-medium", 354_823_168),  # gpt2-medium
        ("gpt2-large", 774_030_080),  # gpt2-large
        ("llama-1b", 1_235_814_400),  # meta-llama/Llama-3.2-1B
    ],
)
def test_counts_match_the_published_ones(name: str, published: int) -> None:
    assert parameter_count(preset(name)) == published


def test_counts_of_the_cs336_shapes() -> None:
    """N = 2 V d + L (4 d^2 + 3 d d_ff + 2 d) + d."""
    small = ModelConfig(vocab_size=50257, context_length=1024, d_model=768, num_layers=12, num_heads=12, d_ff=3072)
    assert parameter_count(small) == 190_460_160
    small.d_ff = 2048
    assert parameter_count(small) == 162_148_608


def test_the_registries_hold_the_same_models() -> None:
    assert MODELS.keys() == SHAPES.keys()


def test_flops_of_gpt2_small() -> None:
    """6 N + 12 L H Q T: positions are looked up, the tied embedding is the head."""
    assert flops_per_token(preset("gpt2-small")) == 6 * (124_439_808 - 1024 * 768) + 12 * 12 * 768 * 1024


@pytest.mark.parametrize(("architecture", "tied"), [("transformer_lm", False), ("transformer_lm", True), ("gpt2", False)])
def test_flops_are_those_of_the_matrix_products(architecture: str, tied: bool) -> None:
    """Counted by torch over a forward pass: 2 per parameter and token of all matrices; attention's own products come on top."""
    config = ModelConfig(architecture=architecture, vocab_size=50, context_length=8, d_model=16, num_heads=2, d_ff=24, tied_embeddings=tied)
    tokens = torch.zeros(2, 8, dtype=torch.long)
    model = build_model(config)
    with FlopCounterMode(display=False) as counted:
        model(tokens).sum().backward()
    by_operator = counted.get_flop_counts()["Global"]
    matrices = sum(n for operator, n in by_operator.items() if "attention" not in str(operator))
    vectors = sum(p.numel() for p in model.parameters() if p.dim() == 1)
    attention = 12 * config.num_layers * config.d_model * config.context_length
    assert matrices == tokens.numel() * (flops_per_token(config) - attention - 6 * vectors)


@pytest.mark.parametrize("entry", [build_model, parameter_shapes, parameter_count, flops_per_token])
def test_an_unknown_architecture_names_the_nearest_one(entry: object) -> None:
    assert callable(entry)
    with pytest.raises(WrongRequest, match=r"unknown model.architecture 'gpt-2' \(did you mean 'gpt2'\?\)"):
        entry(ModelConfig(architecture="gpt-2", vocab_size=10))
