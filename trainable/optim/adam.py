"""Adam (Kingma and Ba 2015, algorithm 1), PyTorch's.

`optimizer.weight_decay` means the same for every optimizer here: decoupled decay, not an L2 term in the gradient. `adam` with decay is
therefore `adamw`; its preset has none, and the paper's betas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainable.optim.adamw import FUSED_DEVICES, state_bytes
from trainable.optim.entry import OptimizerEntry, ParameterGroup, given
from trainable.optim.moments import float_moments
from trainable.spec.config import OptimizerConfig

if TYPE_CHECKING:
    import torch


def build(groups: list[ParameterGroup], config: OptimizerConfig, device: torch.device) -> torch.optim.Optimizer:
    """One fused kernel per step where the device has it; elsewhere PyTorch's own choice."""
    from torch.optim import Adam

    fused = device.type in FUSED_DEVICES or None
    settings = given(betas=config.betas and tuple(config.betas), eps=config.eps)
    return Adam(groups, lr=config.lr, fused=fused, decoupled_weight_decay=True, **settings)


ADAM = OptimizerEntry(build, state_bytes, frozenset({"betas", "eps"}), float_moments, elementwise=True)
