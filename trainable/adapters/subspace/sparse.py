"""A very sparse P, round(sqrt(D)) entries ±1 / D^(1/4) in each column (Li, Hastie and Church 2006, "Very Sparse Random Projections")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainable.adapters.subspace.projector import Projector, Size, Tensors, generator

if TYPE_CHECKING:
    from torch import Tensor


def tensors(size: Size) -> dict[str, Tensor]:
    """`rows` and `signs` [d, sqrt(D)] of the entries, drawn with replacement."""
    import torch

    random, shape = generator(size.seed), (size.coordinates, max(1, round(size.weights**0.5)))
    rows = torch.randint(size.weights, shape, generator=random)
    return {"rows": rows, "signs": torch.randint(2, shape, generator=random).float() * 2 - 1}


def project(held: Tensors, z: Tensor, size: Size) -> Tensor:
    """On a GPU the sums are of the order of the moment, so that the last bits may differ from run to run."""
    rows, signs = held["rows"], held["signs"]
    shares = z.unsqueeze(1) * signs / rows.shape[1] ** 0.5
    return z.new_zeros(size.weights).index_add(0, rows.flatten(), shares.flatten())


SPARSE = Projector(tensors, project)
