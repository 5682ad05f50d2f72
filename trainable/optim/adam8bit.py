"""AdamW with block-wise 8-bit moments (Dettmers et al. 2022, "8-bit Optimizers via Block-wise Quantization"), bitsandbytes'."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import ceil, prod
from typing import TYPE_CHECKING, cast

from trainable.optim.entry import OptimizerEntry, ParameterGroup, Shape, given
from trainable.spec.config import OptimizerConfig

if TYPE_CHECKING:
    import torch

BLOCK_SIZE = 256
SMALLEST_QUANTISED = 4096
# Two maps of 256 float32 values, signed and unsigned, which all tensors share.
MAP_BYTES = 2 * 256 * 4


def build(groups: list[ParameterGroup], config: OptimizerConfig, device: torch.device) -> torch.optim.Optimizer:
    """bitsandbytes' AdamW8bit, on CPU and GPU; tensors under 4096 entries keep float32 moments."""
    del device
    with _without_kernel_notice():
        from bitsandbytes.optim import AdamW8bit  # two seconds, so only when it is used
    optimizer = AdamW8bit(groups, lr=config.lr, **given(betas=config.betas and tuple(config.betas), eps=config.eps))
    return cast("torch.optim.Optimizer", optimizer)


@contextmanager
def _without_kernel_notice() -> Iterator[None]:
    """On some CPUs bitsandbytes warns that an optional 4-bit matrix product is missing; no optimizer uses it."""
    logger = logging.getLogger("bitsandbytes.backends.cpu.ops")

    def keep(record: logging.LogRecord) -> bool:
        return "gemm_4bit_forward" not in record.getMessage()

    logger.addFilter(keep)
    try:
        yield
    finally:
        logger.removeFilter(keep)


def state_bytes(shapes: Mapping[str, Shape], config: OptimizerConfig) -> int:
    """Two bytes per entry and two float32 scales per block of 256; eight bytes per entry of a small tensor; the maps once."""
    del config
    sizes = [prod(shape) for shape in shapes.values()]
    quantised = [size for size in sizes if size >= SMALLEST_QUANTISED]
    small = sum(size for size in sizes if size < SMALLEST_QUANTISED)
    blocks = sum(ceil(size / BLOCK_SIZE) for size in quantised)
    return 2 * sum(quantised) + 8 * blocks + 8 * small + (MAP_BYTES if quantised else 0)


ADAM8BIT = OptimizerEntry(build, state_bytes, frozenset({"betas", "eps"}))
