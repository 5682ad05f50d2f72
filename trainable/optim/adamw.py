"""Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2), PyTorch's."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING

from trainable.optim.entry import OptimizerEntry, ParameterGroup, given
from trainable.optim.moments import float_moments
from trainable.optim.shapes import Shape
from trainable.spec.config import OptimizerConfig

if TYPE_CHECKING:
    import torch

FUSED_DEVICES = frozenset({"cpu", "cuda"})


def build(groups: list[ParameterGroup], config: OptimizerConfig, device: torch.device) -> torch.optim.Optimizer:
    """One fused kernel per step where the device has it; elsewhere PyTorch's own choice."""
    from torch.optim import AdamW

    fused = device.type in FUSED_DEVICES or None
    return AdamW(groups, lr=config.lr, fused=fused, **given(betas=config.betas and tuple(config.betas), eps=config.eps))


def state_bytes(shapes: Mapping[str, Shape], config: OptimizerConfig) -> int:
    """Two float32 moments per parameter."""
    del config
    return sum(8 * prod(shape) for shape in shapes.values())


ADAMW = OptimizerEntry(build, state_bytes, frozenset({"betas", "eps"}), float_moments, elementwise=True)
