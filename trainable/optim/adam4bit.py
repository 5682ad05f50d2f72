"""AdamW with 4-bit moments (Li, Chen and Zhu 2023, "Memory Efficient Optimizers with 4-bit States"), torchao's variant in plain PyTorch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import TYPE_CHECKING

from trainable.optim.entry import OptimizerEntry, ParameterGroup, given
from trainable.optim.moment_plan import DYNAMIC_4BIT, LINEAR_4BIT, SMALLEST_QUANTISED, MomentPlan
from trainable.optim.moments import blockwise_moments
from trainable.optim.quantised.parts import workspace_bytes
from trainable.optim.shapes import Shape
from trainable.spec.config import OptimizerConfig

if TYPE_CHECKING:
    import torch


def build(groups: list[ParameterGroup], config: OptimizerConfig, device: torch.device) -> torch.optim.Optimizer:
    """The numbers of torchao's AdamW4bit without its compilation: m in a dynamic map, v in a linear one that has no zero.

    Blocks of 128 run over the flattened tensor. Tensors under 4096 entries, or not of whole blocks, keep float32 moments.
    """
    from trainable.optim.quantised.blockwise_adam import BlockwiseAdam

    del device
    return BlockwiseAdam(groups, plan, lr=config.lr, **given(betas=config.betas and tuple(config.betas), eps=config.eps))


def plan(parameters: Iterable[tuple[str, Shape]]) -> dict[str, MomentPlan]:
    """How the moments of each parameter are kept."""
    return {name: _plan_of(prod(shape)) for name, shape in parameters}


def _plan_of(size: int) -> MomentPlan:
    block = DYNAMIC_4BIT.block_size
    if size < SMALLEST_QUANTISED or size % block:
        return MomentPlan((1, 1, size))
    return MomentPlan((1, size // block, block), DYNAMIC_4BIT, LINEAR_4BIT)


def state_bytes(shapes: Mapping[str, Shape], config: OptimizerConfig) -> int:
    """Half a byte per entry and moment and two float32 scales per block of 128; eight bytes per entry of an unquantised tensor."""
    del config
    return sum(kept.state_bytes for kept in plan(shapes.items()).values())


ADAM4BIT = OptimizerEntry(build, state_bytes, frozenset({"betas", "eps"}), blockwise_moments, workspace_bytes=workspace_bytes)
