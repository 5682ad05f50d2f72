"""Adafactor (Shazeer and Stern 2018, algorithms 4 and 5), PyTorch's: a factored second moment and no momentum."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING

from trainable.optim.entry import OptimizerEntry, ParameterGroup, given
from trainable.optim.moments import adafactor_moments
from trainable.optim.shapes import Shape, largest
from trainable.spec.config import OptimizerConfig

if TYPE_CHECKING:
    import torch


def build(groups: list[ParameterGroup], config: OptimizerConfig, device: torch.device) -> torch.optim.Optimizer:
    """PyTorch's Adafactor. Its lr is relative: step t moves a tensor by max(1e-3, RMS(tensor)) * min(lr, 1 / sqrt(t)).

    Useful values lie between 1e-3 and 1e-1, on another grid than Adam's.
    """
    from torch.optim import Adafactor

    del device
    return Adafactor(groups, lr=config.lr, **given(beta2_decay=config.beta2_decay, d=config.clip_threshold))


def state_bytes(shapes: Mapping[str, Shape], config: OptimizerConfig) -> int:
    """A float32 row and column factor per matrix (of the last two dimensions), a full second moment per vector."""
    del config
    return sum(4 * _entries(shape) for shape in shapes.values())


def _entries(shape: Shape) -> int:
    if len(shape) < 2:
        return prod(shape)
    return prod(shape[:-1]) + prod(shape[:-2]) * shape[-1]


def workspace_bytes(shapes: Mapping[str, Shape], device: str) -> int:
    """The update of one tensor at a time, which its second moment is made in."""
    del device
    return 4 * largest(shapes)


ADAFACTOR = OptimizerEntry(
    build, state_bytes, frozenset({"beta2_decay", "clip_threshold"}), adafactor_moments, workspace_bytes=workspace_bytes
)
