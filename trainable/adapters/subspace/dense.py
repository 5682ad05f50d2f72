"""A dense Gaussian P, entries N(0, 1 / D) (Li et al. 2018, "Measuring the Intrinsic Dimension of Objective Landscapes").

P has d D entries and is drawn anew, in chunks of rows, in each forward and backward pass. It is drawn on the CPU, because a GPU's
generator gives other numbers: slow, and meant as a reference for the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainable.adapters.subspace.projector import Projector, Size, Tensors, generator

if TYPE_CHECKING:
    from torch import Tensor

_CHUNK_ENTRIES = 2**24  # 64 MiB


def tensors(size: Size) -> dict[str, Tensor]:
    del size
    return {}


def project(held: Tensors, z: Tensor, size: Size) -> Tensor:
    import torch
    from torch.utils.checkpoint import checkpoint

    del held
    rows = max(1, _CHUNK_ENTRIES // size.coordinates)

    def product(start: int, z: Tensor) -> Tensor:
        shape = (min(rows, size.weights - start), size.coordinates)
        entries = torch.randn(shape, generator=generator(size.seed, start))
        moved: Tensor = entries.to(z.device) @ z / size.weights**0.5
        return moved

    # Checkpointed, so that the backward pass draws the rows again instead of keeping them.
    starts = range(0, size.weights, rows)
    return torch.cat([checkpoint(product, start, z, use_reentrant=False, preserve_rng_state=False) for start in starts])


DENSE = Projector(tensors, project)
