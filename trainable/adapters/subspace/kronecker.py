"""Projections made of Kronecker products, never multiplied out (Lotfi et al. 2022, "PAC-Bayes Compression Bounds So Tight").

The D weights are n x n of a block and a rest, scattered by a permutation; the d coordinates k x k of the block and a rest.
``rdkron``: (R1 ⊗ R2) on the block, a dense R3 on the rests, all Gaussian. ``rdkronqr``: the same with orthonormal columns, so that
P^T P = I. ``rkron``: a sum over the two axes of the block instead of a product, 1 ⊗ R1 z + R2 z ⊗ 1.
"""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

from trainable.adapters.subspace.projector import Projector, Size, Tensors, generator

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Generator, Tensor

    Matrix = Callable[[int, int, Generator], Tensor]


def split(size: Size) -> tuple[int, int]:
    """(n, k): at least one coordinate is left for the rest, and no more coordinates than weights."""
    k = isqrt(size.coordinates - 1)
    n = isqrt(size.weights) if k else 0
    while size.weights - n * n < size.coordinates - k * k:
        n -= 1
    return n, k


def product_tensors(size: Size) -> dict[str, Tensor]:
    """Gaussian, columns of length 1 on average."""
    return _parts(size, lambda rows, columns, random: _gaussian(rows, columns, random) / max(1, rows) ** 0.5)


def orthonormal_tensors(size: Size) -> dict[str, Tensor]:
    """Orthonormal columns."""
    return _parts(size, _orthonormal)


def product(held: Tensors, z: Tensor, size: Size) -> Tensor:
    """(R1 ⊗ R2) vec(Z) = vec(R1 Z R2^T), row by row."""
    import torch

    k = held["first"].shape[1]
    block = held["first"] @ z[: k * k].view(k, k) @ held["second"].T
    return _scattered(torch.cat((block.flatten(), held["rest"] @ z[k * k :])), held["places"], size)


def sum_tensors(size: Size) -> dict[str, Tensor]:
    """Gaussian; each weight of the block is the sum of two numbers, each of half the variance 1 / D."""
    random, n, d = generator(size.seed), isqrt(size.weights), size.coordinates
    scale = size.weights**-0.5
    first, second = (_gaussian(n, d, random) * scale * 0.5**0.5 for _ in range(2))
    rest = _gaussian(size.weights - n * n, d, random) * scale
    return {"first": first, "second": second, "rest": rest, "places": _places(size, random)}


def sums(held: Tensors, z: Tensor, size: Size) -> Tensor:
    import torch

    block = (held["first"] @ z).unsqueeze(1) + (held["second"] @ z).unsqueeze(0)
    return _scattered(torch.cat((block.flatten(), held["rest"] @ z)), held["places"], size)


def _parts(size: Size, matrix: Matrix) -> dict[str, Tensor]:
    random, (n, k) = generator(size.seed), split(size)
    first, second = matrix(n, k, random), matrix(n, k, random)
    rest = matrix(size.weights - n * n, size.coordinates - k * k, random)
    return {"first": first, "second": second, "rest": rest, "places": _places(size, random)}


def _scattered(weights: Tensor, places: Tensor, size: Size) -> Tensor:
    # A scatter's gradient is a gather, which is fast and the same every time; the other way round it is neither.
    return weights.new_zeros(size.weights).scatter(0, places, weights)


def _places(size: Size, random: Generator) -> Tensor:
    import torch

    return torch.randperm(size.weights, generator=random)


def _gaussian(rows: int, columns: int, random: Generator) -> Tensor:
    import torch

    return torch.randn(rows, columns, generator=random)


def _orthonormal(rows: int, columns: int, random: Generator) -> Tensor:
    """Uniform over all such matrices (Mezzadri 2007, section 5).

    In float64 and then rounded, so that the same matrix comes out whatever the linear algebra of the machine does in the last bits.
    """
    import torch

    q, r = torch.linalg.qr(torch.randn(rows, columns, generator=random, dtype=torch.float64))
    signed: Tensor = q * r.diagonal().sign()
    return signed.float()


RKRON = Projector(sum_tensors, sums)
RDKRON = Projector(product_tensors, product)
RDKRONQR = Projector(orthonormal_tensors, product)
