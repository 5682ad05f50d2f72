"""What every registered adapter must hold, on every kind of model."""

from math import prod
from pathlib import Path

import pytest
import torch

from trainable.adapters.attach import attach_adapter
from trainable.adapters.checks import adapter_mistakes
from trainable.adapters.registry import ADAPTERS
from trainable.model.registry import build_model
from trainable.model.size import linear_shapes, parameter_shapes
from trainable.optim.build import build_optimizer
from trainable.spec.compose import PRESETS, choices, compose_run
from trainable.spec.config import AdapterConfig, ModelConfig, OptimizerConfig

MODELS = ["transformer_lm", "gpt2", "pretrained"]


def preset(name: str) -> AdapterConfig:
    return compose_run([f"adapter={name}"]).adapter


def model_config(architecture: str, pretrained: Path) -> ModelConfig:
    given = str(pretrained) if architecture == "pretrained" else None
    return ModelConfig(architecture=architecture, pretrained=given, vocab_size=257, d_model=32, num_layers=2, num_heads=2, d_ff=48)


def test_presets_and_adapters_are_the_same_names() -> None:
    assert set(choices("adapter")) == set(ADAPTERS)


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_preset_is_right_and_gives_only_settings_that_the_adapter_knows(name: str) -> None:
    assert adapter_mistakes(preset(name)) == []
    lines = (PRESETS / "adapter" / f"{name}.yaml").read_text().splitlines()
    keys = {line.split(":")[0] for line in lines if not line.startswith(("defaults", "#"))} - {"name"}
    assert ADAPTERS[name].required <= keys <= ADAPTERS[name].settings


@pytest.mark.parametrize("architecture", MODELS)
@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapted_model_starts_as_the_model_itself(name: str, architecture: str, tiny_llama: Path) -> None:
    model = build_model(model_config(architecture, tiny_llama)).eval()
    tokens = torch.randint(0, 257, (2, 16))
    before = model(tokens)
    assert torch.equal(attach_adapter(model, preset(name)).eval()(tokens), before)


@pytest.mark.parametrize("architecture", MODELS)
@pytest.mark.parametrize("name", ADAPTERS)
def test_what_is_trained_is_what_is_declared_and_all_that_the_optimizer_gets(name: str, architecture: str, tiny_llama: Path) -> None:
    config = model_config(architecture, tiny_llama)
    declared = ADAPTERS[name].trainable(preset(name), parameter_shapes(config), linear_shapes(config))
    model = attach_adapter(build_model(config), preset(name))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert [tuple(parameter.shape) for parameter in trained] == list(declared.values())
    groups = build_optimizer(model, OptimizerConfig(betas=[0.9, 0.95], eps=1e-8)).param_groups
    optimized = [parameter for group in groups for parameter in group["params"]]
    assert {id(parameter) for parameter in optimized} == {id(parameter) for parameter in trained}
    assert sum(map(prod, declared.values())) == sum(parameter.numel() for parameter in optimized)


@pytest.mark.parametrize("name", ADAPTERS)
def test_seeds_differ_and_repeat(name: str) -> None:
    """What the adapter brings, or all where it brings nothing; what a subspace trains starts at 0 with every seed."""

    def start(seed: int) -> list[torch.Tensor]:
        torch.manual_seed(seed)
        model = attach_adapter(build_model(model_config("gpt2", Path())), preset(name))
        return [parameter.detach() for path, parameter in model.named_parameters() if name == "none" or "lora_" in path]

    first, again, other = start(1), start(1), start(2)
    assert all(map(torch.equal, first, again))
    assert not all(map(torch.equal, first, other))
