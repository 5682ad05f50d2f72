"""A model that moves in a subspace: what it starts as, what moves it, and that no two modes or seeds are the same by mistake."""

from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from trainable.adapters.attach import attach_adapter
from trainable.adapters.coding import coded_vector, gate_bits, gate_counts, gates, round_gates, set_coded_vector
from trainable.adapters.registry import ADAPTERS
from trainable.adapters.subspace.allocation import ALLOCATIONS
from trainable.adapters.subspace.model import Gate, SubspaceModel
from trainable.adapters.subspace.registry import PROJECTORS
from trainable.model.registry import build_model
from trainable.spec.compose import compose_run
from trainable.spec.config import AdapterConfig, ModelConfig
from trainable.spec.mistakes import WrongRequest
from trainable.train_step import token_loss

SMALL = {"vocab_size": 257, "d_model": 32, "num_layers": 2, "num_heads": 2, "d_ff": 48}
MODES: dict[str, dict[str, Any]] = {
    "uniform": {},
    "fixed-0.2": {"allocation": "fixed", "allocation_ratio": 0.2},
    "fixed-0.5": {"allocation": "fixed", "allocation_ratio": 0.5},
    "fixed-0.8": {"allocation": "fixed", "allocation_ratio": 0.8},
    "fixed-1": {"allocation": "fixed", "allocation_ratio": 1.0},
    "learned": {"allocation": "learned"},
}
TOKENS = torch.randint(0, 257, (2, 16), generator=torch.Generator().manual_seed(3))
# peft asks transformers by a name that transformers will take away; both are pinned.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def sublora(**changes: Any) -> AdapterConfig:
    config = compose_run(["adapter=sublora", "adapter.intrinsic_dim=120", "adapter.dropout=0"]).adapter
    for name, value in changes.items():
        setattr(config, name, value)
    return config


def plain(seed: int = 0, **changes: Any) -> nn.Module:
    torch.manual_seed(seed)
    return build_model(ModelConfig(architecture="gpt2", **{**SMALL, **changes}))


def attached(config: AdapterConfig, seed: int = 0, **changes: Any) -> SubspaceModel:
    model = attach_adapter(plain(seed, **changes), config)
    assert isinstance(model, SubspaceModel)
    return model


def moved(model: nn.Module, size: float = 0.3) -> nn.Module:
    """The same z for every model of the same d."""
    d = len(coded_vector(model))
    set_coded_vector(model, size * torch.randn(d, generator=torch.Generator().manual_seed(5)))
    return model.eval()


def train(model: nn.Module, steps: int = 8, lr: float = 0.05) -> list[float]:
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=lr)
    losses = []
    for _ in range(steps):
        loss = token_loss(model, TOKENS, TOKENS.roll(-1, 1), None)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("mode", MODES)
def test_z_0_is_the_initial_model_to_the_bit_and_the_same_in_every_mode(mode: str) -> None:
    assert torch.equal(attached(sublora(**MODES[mode])).eval()(TOKENS), plain().eval()(TOKENS))


@pytest.mark.parametrize("projector", PROJECTORS)
def test_every_projector_starts_at_the_model_and_lowers_the_loss(projector: str) -> None:
    model = attached(sublora(projector=projector))
    assert torch.equal(model(TOKENS), plain()(TOKENS))
    losses = train(model)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_has_d_numbers_and_lowers_the_loss(mode: str) -> None:
    model = attached(sublora(**MODES[mode]))
    assert len(coded_vector(model)) == 120
    losses = train(model)
    assert losses[-1] < losses[0] - 0.01


def test_distinct_modes_give_distinct_models() -> None:
    logits = [moved(attached(sublora(**mode)))(TOKENS) for mode in MODES.values()]
    assert all(not torch.equal(a, b) for i, a in enumerate(logits) for b in logits[:i])


def test_seeds_of_the_run_and_of_the_projector_both_count() -> None:
    first, again = moved(attached(sublora())), moved(attached(sublora()))
    assert torch.equal(first(TOKENS), again(TOKENS))
    assert not torch.equal(first(TOKENS), moved(attached(sublora(), seed=1))(TOKENS))
    assert not torch.equal(first(TOKENS), moved(attached(sublora(projector_seed=138)))(TOKENS))


def test_the_projector_does_not_change_what_the_run_draws() -> None:
    """Modes are compared on the same base and the same theta0."""
    bases = [dict(attached(sublora(**MODES[mode])).net.named_parameters()) for mode in ("uniform", "learned")]
    assert all(torch.equal(parameter, bases[1][name]) for name, parameter in bases[0].items())


@pytest.mark.parametrize("mode", MODES)
def test_every_tensor_of_the_lora_is_rebuilt_and_moved(mode: str) -> None:
    """Query, value and head; only A stays where no coordinate is A's."""
    model = attached(sublora(**MODES[mode]))
    start = {name: parameter.clone() for name, parameter in model.net.named_parameters() if "lora_" in name}
    assert len(start) == 2 * (2 * 2 + 1)
    moved(model)
    rebuilt = model.weights()
    stays = {name for name in start if mode == "fixed-1" and "lora_A" in name}
    assert set(rebuilt) == set(start) - stays
    assert all(weight.shape == start[name].shape and not torch.equal(weight, start[name]) for name, weight in rebuilt.items())


@pytest.mark.parametrize("mode", MODES)
def test_the_weights_move_as_far_as_z_does(mode: str) -> None:
    """Orthonormal columns, and each coordinate in one place: |theta - theta0| = |z|, float32 sums of 2,180 squares."""
    model = attached(sublora(**MODES[mode]))
    moved(model)
    start = dict(model.net.named_parameters())
    squares = sum((weight - start[name]).square().sum().item() for name, weight in model.weights().items())
    assert squares**0.5 == pytest.approx(model.coordinates.norm().item(), rel=1e-5)


def test_at_the_first_step_only_coordinates_of_b_have_a_gradient() -> None:
    """B = 0, so that dL/dA = 0."""

    def gradient(**changes: Any) -> torch.Tensor:
        model = attached(sublora(**changes))
        train(model, steps=1)
        found = model.coordinates.grad
        assert found is not None
        return found != 0

    assert gradient().all()
    fixed = gradient(allocation="fixed", allocation_ratio=0.25)
    assert (not fixed[:90].any(), bool(fixed[90:].all())) == (True, True)
    model = attached(sublora(allocation="learned"))
    learned, start = gradient(allocation="learned"), 0
    for of_b, size in gate_counts(model).values():
        assert (bool(learned[start : start + of_b].all()), not learned[start + of_b : start + size].any()) == (True, True)
        start += size


def test_gates_start_at_a_half_and_learn() -> None:
    model = attached(sublora(allocation="learned"))
    assert gates(model) == {"0": 0.5, "1": 0.5, "head": 0.5}
    assert sum(size for _, size in gate_counts(model).values()) == 120
    assert gate_bits(model) == sum(size.bit_length() for _, size in gate_counts(model).values())
    train(model, steps=8)
    assert len({0.5, *gates(model).values()}) == 4


@pytest.mark.parametrize("logit", [-100.0, -1.3, 0.0, 0.4, 100.0])
def test_a_gate_is_a_hard_mask_with_a_soft_gradient(logit: float) -> None:
    gate = Gate(10)
    gate.gate.data.fill_(logit)
    mask = gate()
    count = round(10 * torch.sigmoid(torch.tensor(logit)).item())
    assert mask.tolist() == [1.0] * count + [0.0] * (10 - count)
    mask.sum().backward()
    share = torch.tensor(logit, requires_grad=True)
    torch.sigmoid(torch.sigmoid(share) * 10 - torch.arange(10) - 0.5).sum().backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(gate.gate.grad, share.grad)


def test_rounded_gates_leave_the_model_as_it_is() -> None:
    model = attached(sublora(allocation="learned"))
    train(model, steps=8)
    before = model(TOKENS)
    round_gates(model)
    assert torch.equal(model(TOKENS), before)


@pytest.mark.parametrize("allocation", ["uniform", "learned"])
def test_autocast_leaves_the_weights_in_float32(allocation: str) -> None:
    model = attached(sublora(allocation=allocation))
    moved(model)
    outside = model.weights()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = model.weights()
    assert all(torch.equal(weight, inside[name]) and weight.dtype == torch.float32 for name, weight in outside.items())


def test_without_a_rank_all_weights_move_in_the_subspace() -> None:
    model = attached(sublora(rank=0), tied_embeddings=True)
    moved(model)
    assert set(model.weights()) == {name for name, _ in model.net.named_parameters()}
    losses = train(model, lr=0.3)
    assert losses[-1] < losses[0] - 0.01


@pytest.mark.parametrize(("rank", "same_as"), [(4, "lora"), (0, "none")])
def test_without_a_subspace_it_is_the_lora_or_the_model_itself(rank: int, same_as: str) -> None:
    config = sublora(rank=rank, intrinsic_dim=0)
    other = AdapterConfig(same_as, 4, 32.0, None, 0.0, ["q_proj", "v_proj", "lm_head"]) if rank else AdapterConfig()
    pairs = [attach_adapter(plain(), each) for each in (config, other)]
    assert train(pairs[0]) == train(pairs[1])


@pytest.mark.parametrize("tied", [False, True])
def test_the_heads_lora_leaves_the_embedding_alone(tied: bool) -> None:
    model = attached(sublora(), tied_embeddings=tied)
    embedding = model.net.get_parameter("base_model.model.token_embeddings.weight")
    before = embedding.clone()
    train(model)
    moved(model)
    assert torch.equal(embedding, before)
    assert any("lm_head" in name for name in model.weights())


@pytest.mark.parametrize("architecture", ["transformer_lm", "gpt2", "pretrained"])
@pytest.mark.parametrize("mode", ["uniform", "learned"])
def test_merging_keeps_the_logits_and_leaves_a_plain_model(architecture: str, mode: str, tiny_llama: Path) -> None:
    """Float32 sums in another order, logits of order 1."""
    given = str(tiny_llama) if architecture == "pretrained" else None
    names = ["q_proj", "v_proj"] if given else ["q_proj", "v_proj", "lm_head"]
    model = build_model(ModelConfig(architecture=architecture, pretrained=given, **SMALL))
    keys = list(model.state_dict())
    adapted = moved(attach_adapter(model, sublora(target_modules=names, intrinsic_dim=60, **MODES[mode])))
    before = adapted(TOKENS)
    merged = ADAPTERS["sublora"].merged(adapted)
    torch.testing.assert_close(merged(TOKENS), before, rtol=1e-4, atol=1e-4)
    assert list(merged.state_dict()) == keys


def test_merging_without_a_rank_or_a_subspace_works_too() -> None:
    for config in (sublora(rank=0), sublora(intrinsic_dim=0), sublora(rank=0, intrinsic_dim=0)):
        adapted = attach_adapter(plain(), config)
        train(adapted)
        before = adapted(TOKENS)
        torch.testing.assert_close(ADAPTERS["sublora"].merged(adapted)(TOKENS), before, rtol=1e-4, atol=1e-4)


def test_more_coordinates_than_weights_are_refused() -> None:
    with pytest.raises(WrongRequest, match="3000 coordinates to all weights, which has only 2180 weights"):
        attached(sublora(intrinsic_dim=3000))


@pytest.mark.parametrize("allocation", ALLOCATIONS)
def test_the_frozen_part_is_all_but_the_coordinates_and_gates(allocation: str) -> None:
    model = attached(sublora(allocation=allocation, allocation_ratio=0.5 if allocation == "fixed" else None))
    trained = {name: parameter.numel() for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained.pop("coordinates") == 120
    assert set(trained) == ({f"gates.{group}.gate" for group in ("0", "1", "head")} if allocation == "learned" else set())
    assert sum(prod(parameter.shape) for parameter in model.net.parameters()) == sum(p.numel() for p in plain().parameters()) + 2180
