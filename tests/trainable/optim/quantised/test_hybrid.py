"""hybrid against its formula with plainly rounded moments, and what must hold of the stored states."""

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainable.optim.build import build_optimizer
from trainable.optim.quantised import blockwise_adam, precision
from trainable.optim.quantised.maps import MAPS
from trainable.optim.registry import OPTIMIZERS
from trainable.optim.state_memory import measured_state_bytes
from trainable.spec.config import OptimizerConfig

LR, BETA1, BETA2, EPS = 0.02, 0.9, 0.95, 1e-8
BLOCK = {8: 256, 4: 128}


def config_of(**settings: Any) -> OptimizerConfig:
    return OptimizerConfig(**{"name": "hybrid", "lr": LR, "weight_decay": 0.0, "betas": [BETA1, BETA2], "eps": EPS, **settings})


def model_of(*shapes: tuple[int, ...]) -> nn.ParameterList:
    generator = torch.Generator().manual_seed(0)
    return nn.ParameterList(nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes)


def step(model: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for p in model.parameters():
        p.grad = torch.randn(p.shape, generator=generator)
    optimizer.step()


def weights(model: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in model.parameters()]


def plain_rounding(m: Tensor, bits: int) -> Tensor:
    """Each row's blocks, one after the other, to the nearest value of the map times the block's largest magnitude."""
    values, size = MAPS[f"dynamic {bits}-bit signed"], BLOCK[bits]
    rounded = torch.empty_like(m)
    for row, out in zip(m.view(-1, m.shape[-1]), rounded.view(-1, m.shape[-1]), strict=True):
        for start in range(0, len(row), size):
            block = row[start : start + size]
            scale = block.abs().max()
            out[start : start + size] = values[((block / scale)[:, None] - values).abs().argmin(1)] * scale
    return rounded


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("shape", [(48, 300), (2, 3, 20, 50), (4200,)], ids=str)
def test_is_the_formula_with_plainly_rounded_momentum(bits: int, shape: tuple[int, ...]) -> None:
    model = model_of(shape)
    theta = weights(model)[0]
    optimizer = build_optimizer(model, config_of(bits_m=bits))
    m, v = torch.zeros(shape), torch.zeros(shape)
    for t in range(1, 5):
        step(model, optimizer, t)
        g = model[0].grad
        assert g is not None
        m, v = m.lerp(g, 1 - BETA1), v.lerp(g**2, 1 - BETA2)
        if v.dim() >= 2:  # factored anew from the rebuilt matrix, which is the same as moving the factors on
            rows, columns = v.mean(-1, keepdim=True), v.mean(-2, keepdim=True)
            v = rows * columns / rows.mean(-2, keepdim=True)
        theta = theta - LR * (m / (1 - BETA1**t)) / ((v / (1 - BETA2**t)).sqrt() + EPS)
        m = plain_rounding(m, bits)
    difference = (model[0].detach() - theta).abs()
    # A moment between two codes may be rounded to the other one, and then differs by their gap.
    assert (difference > 1e-5).sum() <= 3
    assert difference.max() < LR / 4


@pytest.mark.parametrize("optimizer", ["hybrid", "adam4bit"])
def test_parts_change_nothing(optimizer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = [(64, 100), (64, 100), (64, 100), (200, 64), (64,), (64,), (3, 40, 50), ()]
    settings = {"bits_m": 4} if optimizer == "hybrid" else {}
    found = []
    for entries in (1, 7000, 2**18):
        monkeypatch.setattr(blockwise_adam, "CPU_ENTRIES", entries)
        model = model_of(*shapes)
        built = build_optimizer(model, config_of(name=optimizer, **settings))
        for seed in range(4):
            step(model, built, seed)
        found.append(weights(model))
    for other in found[1:]:
        for one, again in zip(found[0], other, strict=True):
            # Column sums over several parts are added in another order.
            torch.testing.assert_close(one, again, rtol=0, atol=1e-6)


# The widest gap between two codes, as a share of the scale.
@pytest.mark.parametrize(("bits", "gap"), [(8, 0.0141), (4, 0.2251)])
def test_the_stored_momentum_is_within_half_a_code_gap(bits: int, gap: float) -> None:
    model = model_of((32, 512))
    optimizer = build_optimizer(model, config_of(bits_m=bits))
    read = OPTIMIZERS["hybrid"].moments
    assert read is not None
    step(model, optimizer, 0)
    before = read(optimizer, model[0]).m
    step(model, optimizer, 1)
    after = read(optimizer, model[0]).m
    assert before is not None
    assert after is not None
    assert model[0].grad is not None
    scale = optimizer.state[model[0]]["m_scale"].squeeze(0).repeat_interleave(BLOCK[bits], dim=1)
    error = (after.value - before.next(model[0].grad)).abs() / scale
    # -1 itself is in neither map: the most negative value of a block is rounded by half a gap.
    assert error.max() <= gap / 2 * 1.001


@pytest.mark.parametrize("bits", [8, 4])
def test_a_row_without_gradients_comes_to_rest(bits: int) -> None:
    """In a block shared with other rows its momentum would be held up by their scale while its second moment fades."""
    model = model_of((256, 32))
    optimizer = build_optimizer(model, config_of(bits_m=bits))
    for seed in range(20):
        step(model, optimizer, seed)
    seen = torch.arange(256) % 2 == 0
    after_a_while = torch.empty(0)
    for seed in range(600):
        model[0].grad = torch.randn(256, 32, generator=torch.Generator().manual_seed(seed)) * seen[:, None]
        optimizer.step()
        if seed == 99:
            after_a_while = weights(model)[0]
    drift = (model[0].detach() - after_a_while).abs()
    assert drift[seen].min(dim=1).values.median() > 0
    assert drift[~seen].max() < LR


def bits_of(model: Iterable[nn.Parameter], optimizer: torch.optim.Optimizer) -> list[int]:
    return [optimizer.state[p]["bits_m"] for p in model]


def layered(*, layers: int) -> nn.Module:
    model = nn.Module()
    torch.manual_seed(0)
    model.token_embeddings = nn.Embedding(80, 64)
    model.layers = nn.ModuleList(nn.Linear(64, 64) for _ in range(layers))
    model.lm_head = nn.Linear(64, 80, bias=False)
    return model


def test_adaptive_precision_starts_with_8_bits_outside_and_in_the_first_third() -> None:
    model = layered(layers=6)
    optimizer = build_optimizer(model, config_of(precision="adaptive"))
    step(model, optimizer, 0)
    bits = {name: optimizer.state[p]["bits_m"] for name, p in model.named_parameters() if p.dim() == 2}
    expected = {f"layers.{i}.weight": 8 if i < 2 else 4 for i in range(6)}
    assert bits == {"token_embeddings.weight": 8, **expected, "lm_head.weight": 8}


@pytest.mark.parametrize(("threshold", "expected"), [(0.05, 8), (0.5, 4)])
def test_a_tensor_goes_to_8_bits_when_storing_it_loses_too_much(threshold: float, expected: int) -> None:
    model = layered(layers=6)
    optimizer = build_optimizer(model, config_of(precision="adaptive", error_threshold=threshold))
    last = model.get_parameter("layers.5.weight")
    for seed in range(precision.ASK_EVERY - 1):
        step(model, optimizer, seed)
    assert optimizer.state[last]["bits_m"] == 4
    step(model, optimizer, precision.ASK_EVERY)
    assert optimizer.state[last]["bits_m"] == expected
    if expected == 8:
        shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
        assert measured_state_bytes(optimizer) == OPTIMIZERS["hybrid"].state_bytes(shapes, config_of(bits_m=8))


def test_going_to_8_bits_keeps_the_momentum() -> None:
    read = OPTIMIZERS["hybrid"].moments
    assert read is not None
    moments = []
    for threshold in (0.5, 0.05):
        model = layered(layers=6)
        optimizer = build_optimizer(model, config_of(precision="adaptive", error_threshold=threshold))
        for seed in range(precision.ASK_EVERY):
            step(model, optimizer, seed)
        moment = read(optimizer, model.get_parameter("layers.5.weight")).m
        assert moment is not None
        moments.append(moment)
    assert [moment.bits for moment in moments] == [4, 8]
    four, eight = (moment.value for moment in moments)
    assert (four - eight).norm() < 0.02 * four.norm()


def test_a_resumed_run_asks_at_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "ASK_EVERY", 4)
    settings = config_of(precision="adaptive", error_threshold=0.05)
    whole, parted = layered(layers=6), layered(layers=6)
    one = build_optimizer(whole, settings)
    other = build_optimizer(parted, settings)
    for seed in range(10):
        if seed in (3, 6):  # before and after the tensors were raised at step 4
            saved, other = other.state_dict(), build_optimizer(parted, settings)
            other.load_state_dict(saved)
        step(whole, one, seed)
        step(parted, other, seed)
    assert bits_of(whole.parameters(), one) == bits_of(parted.parameters(), other)
    assert 4 not in bits_of(whole.parameters(), one)
    for a, b in zip(weights(whole), weights(parted), strict=True):
        assert torch.equal(a, b)


def test_states_beside_bfloat16_weights_are_loaded_as_they_were() -> None:
    model = model_of((64, 64), (64,)).bfloat16()
    optimizer = build_optimizer(model, config_of())
    for p in model.parameters():
        p.grad = torch.randn_like(p)
    optimizer.step()
    again = build_optimizer(model, config_of())
    again.load_state_dict(optimizer.state_dict())
    for p in model.parameters():
        for key, value in optimizer.state[p].items():
            loaded = again.state[p][key]
            assert type(loaded) is type(value)
            if isinstance(value, Tensor):
                assert loaded.dtype == value.dtype
                assert torch.equal(loaded, value)


def test_gradients_of_zero_move_nothing() -> None:
    model = model_of((64, 64), (64,))
    before = weights(model)
    optimizer = build_optimizer(model, config_of())
    for _ in range(3):
        for p in model.parameters():
            p.grad = torch.zeros_like(p)
        optimizer.step()
    for one, other in zip(before, weights(model), strict=True):
        assert torch.equal(one, other)
