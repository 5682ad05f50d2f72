"""What a projector is: a fixed linear map P from d coordinates to D weights, drawn from a seed; importable without torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor

Tensors = Mapping[str, "Tensor"]


@dataclass(frozen=True)
class Size:
    """P maps `coordinates` (d) to `weights` (D), d <= D; the same `seed` gives the same P on every device."""

    coordinates: int
    weights: int
    seed: int


@dataclass(frozen=True)
class Projector:
    """One line of `PROJECTORS`.

    `tensors` draws, on the CPU and from the seed alone, what P is made of; torch's global generator is left as it is.
    `project` gives P z [D] from z [d] on the tensors' device, with gradients, and without ever holding P.
    """

    tensors: Callable[[Size], dict[str, Tensor]]
    project: Callable[[Tensors, Tensor, Size], Tensor]


def generator(seed: int, label: object = "") -> Generator:
    """A generator of its own for each label: what one part draws does not depend on the others."""
    import torch

    digest = hashlib.sha256(f"{seed} {label}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
