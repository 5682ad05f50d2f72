"""Fastfood: P stacked from blocks S H G Pi H B (Le, Sarlos and Smola 2013, "Fastfood: Approximating Kernel Expansions in Loglinear Time").

H is the Hadamard matrix of order n = 2^ceil(log2 d), B signs, Pi a permutation, G standard normal, S uniform in (0, 1). The factor
sqrt(3 / (n D)) makes it an isometry on average: |P z|^2 = |z|^2 in expectation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainable.adapters.subspace.projector import Projector, Size, Tensors, generator

if TYPE_CHECKING:
    from torch import Tensor


def tensors(size: Size) -> dict[str, Tensor]:
    """One row of each [ceil(D / n), n] for every block."""
    import torch

    random, n = generator(size.seed), _order(size)
    shape = (-(-size.weights // n), n)
    return {
        "signs": torch.randint(2, shape, generator=random).float() * 2 - 1,
        "places": torch.rand(shape, generator=random).argsort(dim=1),
        "normal": torch.randn(shape, generator=random),
        "spread": torch.rand(shape, generator=random),
    }


def project(held: Tensors, z: Tensor, size: Size) -> Tensor:
    from torch.nn.functional import pad

    n = _order(size)
    x = hadamard(held["signs"] * pad(z, (0, n - size.coordinates)))
    x = x.new_zeros(x.shape).scatter(1, held["places"], x)
    rows = held["spread"] * hadamard(held["normal"] * x)
    scale: float = (3 / (n * size.weights)) ** 0.5
    return rows.flatten()[: size.weights] * scale


def hadamard(x: Tensor) -> Tensor:
    """H x for each row of x [rows, n], n a power of two: n log2 n additions a row."""
    import torch

    rows, n = x.shape
    half = 1
    while half < n:
        pairs = x.view(rows, n // (2 * half), 2, half)
        first, second = pairs[:, :, 0], pairs[:, :, 1]
        x = torch.stack((first + second, first - second), dim=2).view(rows, n)
        half *= 2
    return x


def _order(size: Size) -> int:
    return 1 << (size.coordinates - 1).bit_length()


FASTFOOD = Projector(tensors, project)
