"""What bitsandbytes' 8-bit optimizers have in common: what their states take, and paging."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from math import ceil, prod
from typing import TYPE_CHECKING

from trainable.optim.moment_plan import SMALLEST_QUANTISED
from trainable.optim.shapes import Shape, largest
from trainable.spec.config import OptimizerConfig

if TYPE_CHECKING:
    import torch

BLOCK_SIZE = 256
# A map of 256 float32 values for each moment, which all tensors share.
MAP_BYTES = 256 * 4
# What importing bitsandbytes adds to a process that trains, by its resident set on Linux.
LIBRARY_BYTES = 45_000_000
log = logging.getLogger(__name__)


def workspace_bytes(shapes: Mapping[str, Shape], device: str) -> int:
    """A CPU works on float32 copies of one tensor at a time; CUDA's kernels work in place."""
    return 20 * largest(shapes) if device == "cpu" else 0


def is_paged(config: OptimizerConfig, device: torch.device) -> bool:
    """Whether states are to lie in memory that CUDA pages; a CPU has none, and says so in the log."""
    if config.paged and device.type != "cuda":
        log.warning("optimizer.paged has no effect on %s: states stay in its memory", device.type)
    return bool(config.paged) and device.type == "cuda"


def eight_bit_bytes(shapes: Mapping[str, Shape], moments: int) -> int:
    """Per moment a byte per entry, a float32 scale per block of 256 and the map; four bytes per entry of a small tensor."""
    sizes = [prod(shape) for shape in shapes.values()]
    quantised = [size for size in sizes if size >= SMALLEST_QUANTISED]
    small = sum(size for size in sizes if size < SMALLEST_QUANTISED)
    blocks = sum(ceil(size / BLOCK_SIZE) for size in quantised)
    return moments * (sum(quantised) + 4 * blocks + 4 * small + (MAP_BYTES if quantised else 0))
