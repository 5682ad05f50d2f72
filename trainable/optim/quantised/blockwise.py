"""Block-wise quantisation (Dettmers et al. 2022, section 2.1): codes relative to the largest magnitude of a block."""

import torch
import torch.nn.functional as F
from torch import Tensor

from trainable.optim.moment_plan import BlockFormat
from trainable.optim.quantised.codebook import codebook

# A block of zeros is not divided by zero; torchao's floor.
SMALLEST_SCALE = 1e-12


def quantise(values: Tensor, form: BlockFormat) -> tuple[Tensor, Tensor]:
    """Codes uint8 [..., bytes] and scales float32 [..., blocks] of values float32 [..., width]; blocks lie within the last dimension."""
    width = values.shape[-1]
    blocks = _in_blocks(values, form)
    scales = blocks.abs().amax(-1).clamp_(min=SMALLEST_SCALE)
    codes = codebook(form.map_name, values.device).nearest(blocks / scales.unsqueeze(-1)).flatten(-2)[..., :width]
    return (_pack(codes) if form.bits == 4 else codes), scales


def dequantise(codes: Tensor, scales: Tensor, width: int, form: BlockFormat) -> Tensor:
    """Values float32 [..., width] of codes [..., bytes] and scales [..., blocks]."""
    book = codebook(form.map_name, codes.device)
    values = book.decode_pairs(codes)[..., :width] if form.bits == 4 else book.decode(codes)
    blocks = _in_blocks(values, form).mul_(scales.unsqueeze(-1))
    return blocks.flatten(-2)[..., :width]


def _in_blocks(values: Tensor, form: BlockFormat) -> Tensor:
    """[..., blocks, size]; a short last block is filled up with zeros, which change no scale."""
    width = values.shape[-1]
    size = min(form.block_size, width)
    missing = -width % size
    filled = F.pad(values, (0, missing)) if missing else values
    return filled.view(*filled.shape[:-1], -1, size)


def _pack(codes: Tensor) -> Tensor:
    """Two 4-bit codes in a byte, the first in the upper half: [..., width] to [..., ceil(width / 2)]."""
    even = F.pad(codes, (0, codes.shape[-1] % 2)).contiguous()
    pairs = even.view(torch.int16)  # little-endian: the first code is the lower byte
    return ((pairs << 4) | (pairs >> 8)).to(torch.uint8)
