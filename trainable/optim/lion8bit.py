"""Lion (Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", algorithm 2) with 8-bit momentum, bitsandbytes'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trainable.optim.bitsandbytes_states import LIBRARY_BYTES, eight_bit_bytes, is_paged, workspace_bytes
from trainable.optim.entry import OptimizerEntry, ParameterGroup, given
from trainable.optim.moments import bitsandbytes_lion_moments
from trainable.optim.shapes import Shape
from trainable.spec.config import OptimizerConfig
from trainable.spec.kernel_notice import without_kernel_notice

if TYPE_CHECKING:
    import torch


def build(groups: list[ParameterGroup], config: OptimizerConfig, device: torch.device) -> torch.optim.Optimizer:
    """Every entry moves by lr, whatever its gradient: a useful lr is 3 to 10 times below Adam's, and the decay as much above.

    Tensors under 4096 entries keep float32 momentum.
    """
    with without_kernel_notice():
        from trainable.optim.paged import Lion8bit
    settings = given(betas=config.betas and tuple(config.betas))
    optimizer: torch.optim.Optimizer = Lion8bit(groups, lr=config.lr, is_paged=is_paged(config, device), **settings)
    return optimizer


def state_bytes(shapes: Mapping[str, Shape], config: OptimizerConfig) -> int:
    """A byte per entry and a float32 scale per block of 256; four bytes per entry of a small tensor; the map once."""
    del config
    return eight_bit_bytes(shapes, moments=1)


LION8BIT = OptimizerEntry(build, state_bytes, frozenset({"betas", "paged"}), bitsandbytes_lion_moments, LIBRARY_BYTES, workspace_bytes)
