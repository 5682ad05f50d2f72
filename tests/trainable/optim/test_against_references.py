"""Each optimizer against its formula, written out plainly in float64."""

import logging
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from trainable.model.size import parameter_shapes
from trainable.optim.build import build_optimizer
from trainable.optim.registry import OPTIMIZERS
from trainable.spec.config import ModelConfig, OptimizerConfig

LR, DECAY = 0.02, 0.1
Update = Callable[[Tensor, Tensor, dict[str, Tensor], int], Tensor]


def adam(theta: Tensor, g: Tensor, state: dict[str, Tensor], t: int) -> Tensor:
    b1, b2, eps = 0.9, 0.95, 1e-8
    state["m"] = b1 * state.get("m", torch.zeros_like(g)) + (1 - b1) * g
    state["v"] = b2 * state.get("v", torch.zeros_like(g)) + (1 - b2) * g**2
    m_hat, v_hat = state["m"] / (1 - b1**t), state["v"] / (1 - b2**t)
    return theta * (1 - LR * DECAY) - LR * m_hat / (v_hat.sqrt() + eps)


def sgd(theta: Tensor, g: Tensor, state: dict[str, Tensor], t: int) -> Tensor:
    del t
    state["m"] = 0.9 * state.get("m", torch.zeros_like(g)) + g
    return theta * (1 - LR * DECAY) - LR * state["m"]


def adafactor(theta: Tensor, g: Tensor, state: dict[str, Tensor], t: int) -> Tensor:
    beta2 = 1 - t**-0.8
    step_size = max(1e-3, theta.square().mean().sqrt().item()) * min(LR, t**-0.5)
    rows, columns = (g**2).mean(dim=1, keepdim=True), (g**2).mean(dim=0, keepdim=True)
    state["r"] = beta2 * state.get("r", torch.zeros_like(rows)) + (1 - beta2) * rows
    state["c"] = beta2 * state.get("c", torch.zeros_like(columns)) + (1 - beta2) * columns
    update = g / (state["r"] @ state["c"] / state["r"].mean()).sqrt()
    update /= max(1.0, update.square().mean().sqrt().item())
    return theta * (1 - LR * DECAY) - step_size * update


SETTINGS: dict[str, dict[str, object]] = {
    "adamw": {"betas": [0.9, 0.95], "eps": 1e-8},
    "adam8bit": {"betas": [0.9, 0.95], "eps": 1e-8},
    "sgd": {"momentum": 0.9},
    "adafactor": {"beta2_decay": -0.8, "clip_threshold": 1.0},
}


def both(name: str, formula: Update, shape: tuple[int, int], steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """The start, the optimizer's parameter, and the formula's in float64, after `steps` equal gradients."""
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(shape, generator=generator)
    model = nn.Module()
    model.weight = nn.Parameter(start.clone())
    config = OptimizerConfig(name=name, lr=LR, weight_decay=DECAY, **SETTINGS[name])  # type: ignore[arg-type]
    optimizer = build_optimizer(model, config)
    theta, state = start.double(), dict[str, Tensor]()
    for t in range(1, steps + 1):
        g = torch.randn(shape, generator=generator)
        model.weight.grad = g.clone()
        optimizer.step()
        theta = formula(theta, g.double(), state, t)
    return start, model.weight.detach(), theta


@pytest.mark.parametrize(("name", "formula"), [("adamw", adam), ("sgd", sgd), ("adafactor", adafactor)])
def test_follows_its_formula(name: str, formula: Update) -> None:
    _, found, expected = both(name, formula, (64, 80), steps=10)
    # Ten steps of float32 rounding (6e-8 relative) on values up to 4.
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=5e-6)


def test_adam8bit_makes_adamws_first_step() -> None:
    _, found, expected = both("adam8bit", adam, (64, 80), steps=1)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=5e-7)


def test_adam8bit_stays_near_adamw_but_is_not_adamw() -> None:
    start, found, expected = both("adam8bit", adam, (64, 80), steps=10)
    moved = (expected - start).norm()
    error = (found.double() - expected).norm()
    # The stored moments are wrong by about 2 % after ten steps; the moved distance cannot be further off than a few times that.
    assert 1e-4 * moved < error < 0.06 * moved


def test_adam8bit_keeps_small_tensors_in_full_precision() -> None:
    _, found, expected = both("adam8bit", adam, (63, 65), steps=10)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=5e-6)


def test_state_bytes_of_gpt2_small_in_the_cs336_shape() -> None:
    """162,148,608 parameters: the bytes per parameter that were measured there."""
    model = ModelConfig(vocab_size=50257, d_model=768, num_layers=12, num_heads=12, d_ff=2048)
    shapes = parameter_shapes(model)
    count = 162_148_608

    def bytes_per_parameter(name: str, momentum: float | None = None) -> float:
        return OPTIMIZERS[name].state_bytes(shapes, OptimizerConfig(name=name, momentum=momentum)) / count

    assert bytes_per_parameter("adamw") == 8
    assert bytes_per_parameter("adam8bit") == pytest.approx(2.032, abs=5e-4)
    assert bytes_per_parameter("adafactor") == pytest.approx(0.0073, abs=5e-5)
    assert bytes_per_parameter("sgd", momentum=0.9) == 4
    assert bytes_per_parameter("sgd") == 0


def test_adam8bit_is_silent_and_mutes_nothing_else() -> None:
    program = """
import logging, torch
from trainable.optim.build import build_optimizer
from trainable.spec.config import OptimizerConfig
model = torch.nn.Linear(64, 64)
optimizer = build_optimizer(model, OptimizerConfig(name="adam8bit"))
model(torch.ones(1, 64)).sum().backward()
optimizer.step()
logging.getLogger("bitsandbytes.backends.cpu.ops").warning("gemm_4bit_forward of somebody else")
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr == "gemm_4bit_forward of somebody else\n"


def test_building_adam8bit_leaves_the_logger_as_it_was() -> None:
    logger = logging.getLogger("bitsandbytes.backends.cpu.ops")
    before = list(logger.filters)
    build_optimizer(nn.Linear(4, 4), OptimizerConfig(name="adam8bit"))
    assert logger.filters == before
