"""Adam with a block-wise quantised first and a factored second moment: 8-bit Adam's m and Adafactor's v.

The idea is the "4-bit Factor" of Li, Chen and Zhu 2023, section 4.3. Per matrix [rows, width], beside Adam's bias correction and
decoupled decay:
    m <- beta1 m + (1 - beta1) g, kept in 8 bits (dynamic map, blocks of 256) or 4 bits (dynamic map, blocks of 128)
    R <- beta2 R + (1 - beta2) mean_j g^2,  C <- beta2 C + (1 - beta2) mean_i g^2,  v = R C^T / mean(R)
Vectors keep their whole second moment; a stack of matrices is factored matrix by matrix.

Blocks lie within a row. If the rows of a rarely seen and of a frequent token shared a block, the first row's m, rounded on the coarse
scale of the second, would never decay, while its own R does: the update m / sqrt(v) would grow without limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from math import prod
from typing import TYPE_CHECKING

from trainable.optim.entry import OptimizerEntry, ParameterGroup, given
from trainable.optim.moment_plan import SIGNED_FORMATS, SMALLEST_QUANTISED, MomentPlan, Planner, as_stack
from trainable.optim.moments import blockwise_moments
from trainable.optim.parameter_roles import is_embedding_or_head, layer_count, layer_of
from trainable.optim.quantised.parts import workspace_bytes
from trainable.optim.shapes import Shape
from trainable.spec.config import OptimizerConfig

if TYPE_CHECKING:
    import torch

DEFAULT_BITS = 8
# What 4 bits lose of normally distributed values (0.152). In small runs most tensors lie at 0.11 to 0.15, those to be raised above.
DEFAULT_ERROR_THRESHOLD = 0.15


def build(groups: list[ParameterGroup], config: OptimizerConfig, device: torch.device) -> torch.optim.Optimizer:
    """`precision` fixed: every quantised tensor at `bits_m`. adaptive: see `starting_bits`, and up to 8 bits when needed."""
    from trainable.optim.quantised.blockwise_adam import BlockwiseAdam

    del device
    threshold = (config.error_threshold or DEFAULT_ERROR_THRESHOLD) if config.precision == "adaptive" else None
    settings = given(betas=config.betas and tuple(config.betas), eps=config.eps)
    return BlockwiseAdam(groups, planner(config), lr=config.lr, error_threshold=threshold, **settings)


def planner(config: OptimizerConfig) -> Planner:
    return partial(_plans, bits_m=config.bits_m or DEFAULT_BITS, adaptive=config.precision == "adaptive")


def _plans(parameters: Iterable[tuple[str, Shape]], bits_m: int, adaptive: bool) -> dict[str, MomentPlan]:
    shapes = dict(parameters)
    layers = layer_count(shapes)
    bits = {name: starting_bits(name, layers) if adaptive else bits_m for name in shapes}
    return {name: _plan_of(shape, bits[name]) for name, shape in shapes.items()}


def _plan_of(shape: Shape, bits: int) -> MomentPlan:
    form = SIGNED_FORMATS[bits] if prod(shape) >= SMALLEST_QUANTISED else None
    return MomentPlan(as_stack(shape), form, factored=len(shape) >= 2)


def starting_bits(name: str, layers: int) -> int:
    """Adaptive precision starts with 8 bits in embeddings, head and the first third of `layers`, 4 elsewhere."""
    layer = layer_of(name)
    return 8 if is_embedding_or_head(name) or (layer is not None and 3 * layer < layers) else 4


def state_bytes(shapes: Mapping[str, Shape], config: OptimizerConfig) -> int:
    """A byte (8 bits) or half a byte (4) per entry, a float32 scale per block, and the float32 means of rows and columns.

    Adaptive precision: as it starts; a tensor that goes to 8 bits takes about half a byte per entry more.
    """
    return sum(kept.state_bytes for kept in planner(config)(shapes.items()).values())


HYBRID = OptimizerEntry(
    build,
    state_bytes,
    frozenset({"betas", "eps", "bits_m", "precision", "error_threshold"}),
    blockwise_moments,
    workspace_bytes=workspace_bytes,
)
