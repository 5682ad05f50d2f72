"""Stochastic gradient descent with momentum (Sutskever et al. 2013, eq. 1 and 2, in PyTorch's form) and decoupled decay."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from trainable.optim.entry import OptimizerEntry, ParameterGroup, given
from trainable.optim.moments import float_moments
from trainable.optim.shapes import Shape
from trainable.spec.config import OptimizerConfig

if TYPE_CHECKING:
    import torch


def build(groups: list[ParameterGroup], config: OptimizerConfig, device: torch.device) -> torch.optim.Optimizer:
    """PyTorch's SGD; weight decay is taken out of its hands, because there it would pass through the momentum."""
    from torch.optim import SGD

    decoupled = [{**group, "weight_decay": 0.0, "decoupled_weight_decay": group["weight_decay"]} for group in groups]
    # The fused kernel does not know shards (DTensors).
    fused = (device.type in {"cpu", "cuda"} and not hasattr(groups[0]["params"][0][1], "full_tensor")) or None
    optimizer = SGD(decoupled, lr=config.lr, fused=fused, **given(momentum=config.momentum))
    optimizer.register_step_pre_hook(_decay)
    return optimizer


def _decay(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
    """Theta <- (1 - lr * decay) theta before the step (Loshchilov and Hutter 2019, algorithm 1, SGDW)."""
    import torch

    del args, kwargs
    for group in optimizer.param_groups:
        parameters = [p for p in group["params"] if p.grad is not None]
        if group["decoupled_weight_decay"] and parameters:
            with torch.no_grad():
                torch._foreach_mul_(parameters, 1 - group["lr"] * group["decoupled_weight_decay"])


def state_bytes(shapes: Mapping[str, Shape], config: OptimizerConfig) -> int:
    """A float32 momentum per parameter; nothing without momentum."""
    return sum(4 * prod(shape) for shape in shapes.values()) if config.momentum else 0


SGD = OptimizerEntry(build, state_bytes, frozenset({"momentum"}), float_moments, elementwise=True)
