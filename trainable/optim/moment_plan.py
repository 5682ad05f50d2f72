"""How an optimizer keeps the two moments of one tensor, and the bytes that takes: pure, no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil, prod

from trainable.optim.shapes import Shape

# Smaller tensors keep float32 moments, as in bitsandbytes and torchao: they weigh little, and biases and norms are delicate.
SMALLEST_QUANTISED = 4096
_FLOAT32 = 4


@dataclass(frozen=True)
class BlockFormat:
    """Codes of `bits` bits, nearest entries of the map `map_name`, with one float32 scale (the largest magnitude) per block.

    A block is `block_size` neighbours of one row; the last one of a row may be shorter.
    """

    map_name: str
    bits: int
    block_size: int

    def code_bytes(self, width: int) -> int:
        """Bytes of the codes of one row of `width` entries."""
        return ceil(width * self.bits / 8)

    def blocks(self, width: int) -> int:
        """Blocks, each with a scale, of one row of `width` entries."""
        return ceil(width / self.block_size)


DYNAMIC_8BIT = BlockFormat("dynamic 8-bit signed", 8, 256)
DYNAMIC_4BIT = BlockFormat("dynamic 4-bit signed", 4, 128)
LINEAR_4BIT = BlockFormat("linear 4-bit unsigned", 4, 128)
SIGNED_FORMATS = {8: DYNAMIC_8BIT, 4: DYNAMIC_4BIT}


@dataclass(frozen=True)
class MomentPlan:
    """The moments of a tensor seen as a stack of matrices (matrices, rows, width); None stands for float32.

    With `factored`, the second moment is a float32 mean for every row and every column of each matrix.
    """

    stack: tuple[int, int, int]
    m: BlockFormat | None = None
    v: BlockFormat | None = None
    factored: bool = False

    @property
    def state_bytes(self) -> int:
        matrices, rows, width = self.stack
        second = _FLOAT32 * matrices * (rows + width) if self.factored else self._bytes(self.v)
        return self._bytes(self.m) + second

    def _bytes(self, form: BlockFormat | None) -> int:
        matrices, rows, width = self.stack
        row_bytes = form.code_bytes(width) + _FLOAT32 * form.blocks(width) if form else _FLOAT32 * width
        return matrices * rows * row_bytes


# From the names and shapes of all trainable parameters to the plan of each.
Planner = Callable[[Iterable[tuple[str, Shape]]], dict[str, MomentPlan]]


def as_stack(shape: Shape) -> tuple[int, int, int]:
    """(matrices, rows, width) of the last two dimensions; a vector or scalar is one row."""
    if len(shape) < 2:
        return (1, 1, prod(shape))
    return (prod(shape[:-2]), shape[-2], shape[-1])
