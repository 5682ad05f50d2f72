"""AdamW with block-wise 8-bit moments (Dettmers et al. 2022, "8-bit Optimizers via Block-wise Quantization"), bitsandbytes'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trainable.optim.bitsandbytes_states import LIBRARY_BYTES, eight_bit_bytes, is_paged, workspace_bytes
from trainable.optim.entry import OptimizerEntry, ParameterGroup, given
from trainable.optim.moments import bitsandbytes_adam_moments
from trainable.optim.shapes import Shape
from trainable.spec.config import OptimizerConfig
from trainable.spec.kernel_notice import without_kernel_notice

if TYPE_CHECKING:
    import torch


def build(groups: list[ParameterGroup], config: OptimizerConfig, device: torch.device) -> torch.optim.Optimizer:
    """bitsandbytes' AdamW8bit, on CPU and GPU; tensors under 4096 entries keep float32 moments."""
    with without_kernel_notice():
        from trainable.optim.paged import AdamW8bit  # two seconds, so only when it is used
    settings = given(betas=config.betas and tuple(config.betas), eps=config.eps)
    optimizer: torch.optim.Optimizer = AdamW8bit(groups, lr=config.lr, is_paged=is_paged(config, device), **settings)
    return optimizer


def state_bytes(shapes: Mapping[str, Shape], config: OptimizerConfig) -> int:
    """Two bytes per entry and two float32 scales per block of 256; eight bytes per entry of a small tensor; the maps once."""
    del config
    return eight_bit_bytes(shapes, moments=2)


ADAM8BIT = OptimizerEntry(
    build, state_bytes, frozenset({"betas", "eps", "paged"}), bitsandbytes_adam_moments, LIBRARY_BYTES, workspace_bytes
)
