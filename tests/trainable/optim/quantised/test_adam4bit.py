"""adam4bit holds torchao's numbers."""

import torch
from torch import Tensor, nn

from trainable.optim.build import build_optimizer
from trainable.optim.quantised.maps import MAPS
from trainable.spec.config import OptimizerConfig

LR, DECAY, BETA1, BETA2, EPS = 0.02, 0.1, 0.9, 0.95, 1e-8

# The first 128 codes of each moment after ten steps of torchao 0.18.0's AdamW4bit (its single_param_adam, not compiled) from a matrix
# [32, 128] of ones, with the gradients below; the scales of the first four blocks; the first eight weights, and the sum of all.
FIRST_CODES = (
    "3c42521cb3920db3a31db4db2a21db3c32fc9c320db3d92521cb3931db3a31eb4db2a21db4c32fc92320db3da2a21cb3a31ec3c31eb4db2b31db4c320c92320d"
)
FIRST_SCALES = [0.13046835362911224, 0.12352247536182404, 0.14902186393737793, 0.146682471036911]
SECOND_CODES = (
    "965779ca7889cb8998cb8885587ac8888ae97a89fa8975768ba8889bb8999cd9885687ad8798afa8a99fa8875868ca8888bb8999bd9896587ad98979fa8999ea"
)
SECOND_SCALES = [0.09531254321336746, 0.09210511296987534, 0.09646543115377426, 0.09441296756267548]
WEIGHTS = [1.0248011, 1.0208982, 1.0525645, 1.0827373, 1.0117652, 1.0433581, 1.0662208, 0.9011617]
SUM_OF_WEIGHTS = 4018.14111328125


def gradient(step: int) -> Tensor:
    """Integers and one division: the same everywhere."""
    i = torch.arange(4096, dtype=torch.int64)
    return (((i * 7919 + step * 104729) % 2003 - 1001) / 1001).float().pow(3).view(32, 128)


def optimizer_of(weight: Tensor) -> tuple[nn.Parameter, torch.optim.Optimizer]:
    model = nn.Module()
    model.weight = nn.Parameter(weight.clone())
    config = OptimizerConfig(name="adam4bit", lr=LR, weight_decay=DECAY, betas=[BETA1, BETA2], eps=EPS)
    return model.weight, build_optimizer(model, config)


def codes(packed: Tensor) -> list[int]:
    return [half for byte in packed.flatten().tolist() for half in (byte >> 4, byte & 15)]


def test_ten_steps_are_those_of_torchao() -> None:
    weight, optimizer = optimizer_of(torch.ones(32, 128))
    for step in range(1, 11):
        weight.grad = gradient(step)
        optimizer.step()
    state = optimizer.state[weight]
    for key, expected, scales in (("m", FIRST_CODES, FIRST_SCALES), ("v", SECOND_CODES, SECOND_SCALES)):
        torch.testing.assert_close(state[f"{key}_scale"].flatten()[:4], torch.tensor(scales), rtol=1e-6, atol=0)
        differences = [abs(a - int(b, 16)) for a, b in zip(codes(state[key][:, :1]), expected, strict=True)]
        # Another machine may round a moment that lies between two codes to the other one.
        assert max(differences) <= 1
        assert sum(differences) <= 1
    torch.testing.assert_close(weight.detach().flatten()[:8], torch.tensor(WEIGHTS), rtol=1e-5, atol=0)
    assert abs(weight.sum().item() - SUM_OF_WEIGHTS) < 0.05


def plain_rounding(x: Tensor, values: Tensor) -> Tensor:
    """The nearest value times the block's largest magnitude, for every block of 128, one after the other."""
    rounded = torch.empty_like(x.flatten())
    for start in range(0, x.numel(), 128):
        block = x.flatten()[start : start + 128]
        scale = block.abs().max().clamp(min=1e-12)
        rounded[start : start + 128] = values[((block / scale)[:, None] - values).abs().argmin(1)] * scale
    return rounded.view(x.shape)


def test_is_the_plain_algorithm_also_where_blocks_run_over_rows() -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(96, 48, generator=generator)
    weight, optimizer = optimizer_of(start)
    theta, m, v = start.clone(), torch.zeros(96, 48), torch.zeros(96, 48)
    for t in range(1, 9):
        g = torch.randn(96, 48, generator=generator) ** 3
        weight.grad = g.clone()
        optimizer.step()
        m, v = m.lerp(g, 1 - BETA1), v.lerp(g.square(), 1 - BETA2)
        denominator = v.sqrt() / (1 - BETA2**t) ** 0.5 + EPS
        theta = theta - LR * DECAY * theta - LR * (m / (1 - BETA1**t)) / denominator
        m, v = plain_rounding(m, MAPS["dynamic 4-bit signed"]), plain_rounding(v, MAPS["linear 4-bit unsigned"])
    difference = (weight.detach() - theta).abs()
    # A moment between two codes may be rounded to the other one, and then differs by their gap.
    assert (difference > 1e-5).sum() <= 3
    assert difference.max() < LR


def test_a_second_moment_is_never_zero_where_gradients_vanish() -> None:
    """With a zero in its map, the smallest entries of a block would divide by eps alone (Li, Chen and Zhu 2023, section 4.1)."""
    weight, optimizer = optimizer_of(torch.zeros(64, 64))
    spread = 10 ** torch.linspace(0, -6, 64).expand(64, 64)
    for step in range(20):
        weight.grad = spread * torch.randn(64, 64, generator=torch.Generator().manual_seed(step))
        before = weight.detach().clone()
        optimizer.step()
        # Adam's own bound on a step, |m_hat| / sqrt(v_hat) (Kingma and Ba 2015, section 2.1), is 2 for these betas.
        assert (weight - before).abs().max() < 2 * LR * (1 + DECAY)
