"""Nearest entries of a map, exactly and in a few vectorised passes."""

from functools import lru_cache

import torch
from torch import Tensor

from trainable.optim.quantised.maps import MAPS

_BUCKETS = 2**16


class Codebook:
    """Encodes and decodes with one ascending map, [levels] float32, on one device.

    A search over the map costs several times an optimizer step on a CPU. Instead the upper 16 bits of a float32 choose one of
    65536 buckets of neighbouring values. No bucket holds more than one of the limits between codes, so that a table of the lowest
    code and one of the limit give the nearest code: exactly, unlike a table of codes alone.
    """

    def __init__(self, values: Tensor, device: torch.device) -> None:
        limits = _limits(values)
        lowest = torch.bucketize(_smallest_of_buckets(), limits, right=True)
        self.values = values.to(device)
        self._lowest = lowest.to(torch.uint8).to(device)
        self._limit = torch.cat([limits, torch.tensor([torch.inf])])[lowest].to(device)
        high, low = torch.meshgrid(values[:16], values[:16], indexing="ij")
        self._pairs = torch.complex(high, low).flatten().to(device)

    def nearest(self, x: Tensor) -> Tensor:
        """Codes uint8 of x, float32, any shape; half-way values go up. NaN gets some code: its scale is NaN already."""
        flat = x.contiguous().view(-1)
        bucket = (flat.view(torch.int32) >> 16).add_(_BUCKETS // 2)
        codes = self._lowest.index_select(0, bucket)
        return codes.add_(flat >= self._limit.index_select(0, bucket)).view(x.shape)

    def decode(self, codes: Tensor) -> Tensor:
        """The values of codes uint8, any shape."""
        return self.values.index_select(0, codes.reshape(-1).int()).view(codes.shape)

    def decode_pairs(self, codes: Tensor) -> Tensor:
        """The values of 4-bit codes, two in a byte [..., bytes], as [..., 2 * bytes]."""
        pairs = self._pairs.index_select(0, codes.reshape(-1).int())
        return torch.view_as_real(pairs).view(*codes.shape[:-1], 2 * codes.shape[-1])


@lru_cache
def codebook(map_name: str, device: torch.device) -> Codebook:
    return Codebook(MAPS[map_name], device)


def _limits(values: Tensor) -> Tensor:
    """[levels - 1]: the smallest float32 that is at least half-way to the next value."""
    middle = (values[1:].double() + values[:-1].double()) / 2
    rounded = middle.float()
    return torch.where(rounded.double() < middle, torch.nextafter(rounded, torch.tensor(torch.inf)), rounded)


def _smallest_of_buckets() -> Tensor:
    """The smallest float32 of every bucket, [65536], in the order of their bits as signed integers."""
    upper = torch.arange(-_BUCKETS // 2, _BUCKETS // 2, dtype=torch.int32)
    # The magnitude of a negative number grows with its lower bits.
    return torch.where(upper < 0, (upper << 16) | (_BUCKETS - 1), upper << 16).view(torch.float32)
