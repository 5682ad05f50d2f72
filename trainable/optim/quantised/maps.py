"""The values that codes stand for: ascending float32 tables, by the name a `BlockFormat` gives."""

import torch
from torch import Tensor


def dynamic_map(*, signed: bool, bits: int) -> Tensor:
    """Dynamic quantisation (Dettmers 2016, arXiv:1511.04561; Dettmers et al. 2022, section 1.2), [2 ** bits], bitsandbytes' to the bit.

    Decade i of bits - 1 holds the midpoints of 2**i (unsigned 2**(i + 1)) equal parts of [0.1, 1], times 10**(i - bits + 2):
    small values have fine absolute, large ones fine relative resolution. 0 and 1 are exact.
    """
    decades = bits - 1
    values = [0.0, 1.0]
    for i in range(decades):
        edges = torch.linspace(0.1, 1, 2 ** (i if signed else i + 1) + 1, dtype=torch.float32)
        positive = 10.0 ** (i - decades + 1) * ((edges[:-1] + edges[1:]) / 2)
        values += positive.tolist() + ((-positive).tolist() if signed else [])
    return torch.tensor(sorted(values), dtype=torch.float32)


def linear_map_without_zero(*, bits: int) -> Tensor:
    """k / 2**bits for k = 1 ... 2**bits: the root of a stored value is never 0 (Li, Chen and Zhu 2023, section 4.1)."""
    return torch.linspace(0, 1, 2**bits + 1, dtype=torch.float32)[1:]


MAPS: dict[str, Tensor] = {
    "dynamic 8-bit signed": dynamic_map(signed=True, bits=8),
    "dynamic 8-bit unsigned": dynamic_map(signed=False, bits=8),
    "dynamic 4-bit signed": dynamic_map(signed=True, bits=4),
    "linear 4-bit unsigned": linear_map_without_zero(bits=4),
}
