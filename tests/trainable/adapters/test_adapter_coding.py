from math import ceil, log2

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from trainable.adapters.attach import attach_adapter
from trainable.adapters.coding import coded_vector, gate_bits, gate_counts, gates, round_gates, set_coded_vector
from trainable.model.registry import build_model
from trainable.spec.compose import compose_run
from trainable.spec.config import ModelConfig

TOKENS = torch.arange(32).reshape(2, 16)
# peft asks transformers by a name that transformers will take away; both are pinned.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def adapted(name: str) -> nn.Module:
    torch.manual_seed(0)
    model = build_model(ModelConfig(vocab_size=257, d_model=32, num_layers=2, num_heads=2, d_ff=48))
    return attach_adapter(model, compose_run([f"adapter={name}"]).adapter).eval()


class Gated(nn.Module):
    """Two groups of 3 and 10 coordinates."""

    def __init__(self, first: float, second: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.arange(4.0))
        self.groups = nn.ModuleDict({"0": nn.Module(), "head": nn.Module()})
        for group, size, logit in (("0", 3, first), ("head", 10, second)):
            self.groups[group].size = size  # type: ignore[assignment]
            self.groups[group].gate = nn.Parameter(torch.tensor(logit))


@pytest.mark.parametrize("name", ["none", "lora"])
def test_the_vector_is_all_that_is_trained_and_gives_the_model_back(name: str) -> None:
    model, other = adapted(name), adapted(name)
    vector = torch.randn_like(coded_vector(model)) / 10
    assert len(vector) == sum(p.numel() for p in model.parameters() if p.requires_grad)
    before = model(TOKENS)
    set_coded_vector(model, vector)
    assert torch.equal(coded_vector(model), vector)
    set_coded_vector(other, vector)
    assert torch.equal(model(TOKENS), other(TOKENS))
    assert not torch.equal(model(TOKENS), before)
    assert (gates(model), gate_bits(model)) == ({}, 0)


def test_a_vector_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"coded by 4 numbers, not by \(5,\)"):
        set_coded_vector(Gated(0.0, 0.0), torch.zeros(5))


def test_gates_are_apart_from_the_vector() -> None:
    model = Gated(0.0, -100.0)
    assert torch.equal(coded_vector(model), torch.arange(4.0))
    assert gates(model) == {"0": 0.5, "head": pytest.approx(0.0, abs=1e-30)}
    assert gate_counts(model) == {"0": (2, 3), "head": (0, 10)}
    assert gate_bits(model) == 2 + 4


@given(size=st.integers(1, 10**6))
@settings(max_examples=50)
def test_a_count_takes_the_bits_of_its_largest_value(size: int) -> None:
    model = Gated(0.0, 0.0)
    model.groups["0"].size = size  # type: ignore[assignment]
    assert gate_bits(model) == ceil(log2(size + 1)) + 4


@given(first=st.floats(-30, 30, width=32), second=st.floats(-30, 30, width=32))
@settings(max_examples=50)
def test_a_rounded_gate_is_the_count_it_stands_for(first: float, second: float) -> None:
    model = Gated(first, second)
    before = gate_counts(model)
    round_gates(model)
    assert gate_counts(model) == before
    assert gates(model) == {group: pytest.approx(count / size, abs=1e-6) for group, (count, size) in before.items()}
