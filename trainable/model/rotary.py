"""Rotary position embedding (RoFormer, Su et al. 2021, eq. 34), in the interleaved form: pairs (2k, 2k+1)."""

import torch
from torch import Tensor, nn


class RotaryEmbedding(nn.Module):
    """Turns the pair (2k, 2k+1) of every head at position t by the angle t * theta^(-2k/head_dim).

    The table is computed once, in float32, and is not part of the state dict: it follows from the configuration.
    """

    table: Tensor

    def __init__(self, head_dim: int, context_length: int, theta: float) -> None:
        super().__init__()
        frequency = theta ** (-torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
        angle = torch.outer(torch.arange(context_length, dtype=torch.float32), frequency)
        self.register_buffer("table", torch.stack((angle.cos(), angle.sin()), dim=-1), persistent=False)

    def forward(self, time: int) -> Tensor:
        """(cos, sin) of the first `time` positions, [time, 1, head_dim / 2, 2]: ready for `rotate`."""
        return self.table[:time, None]


def rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Applies `rotation` to x [batch, time, heads, head_dim], in float32; the result has x's dtype."""
    pairs = x.float().reshape(*x.shape[:-1], -1, 2)
    # One complex product is several times faster in eager mode; the compiler has no code for complex numbers.
    turned = _real_product(pairs, rotation) if torch.compiler.is_compiling() else _complex_product(pairs, rotation)
    return turned.flatten(-2).to(x.dtype)


def _complex_product(pairs: Tensor, rotation: Tensor) -> Tensor:
    return torch.view_as_real(torch.view_as_complex(pairs) * torch.view_as_complex(rotation))


def _real_product(pairs: Tensor, rotation: Tensor) -> Tensor:
    (a, b), (cos, sin) = pairs.unbind(-1), rotation.unbind(-1)
    return torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1)
