"""How many bits it takes to write a quantised vector down: coded symbols, codebook, counts and gates."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from trainable.bounds.arithmetic_code import code_length

# Exact integers grow with the string; beyond this the entropy, which they meet to within a bit, is told instead.
LONGEST_EXACT = 50_000


@dataclass(frozen=True)
class Message:
    """Everything that is needed to rebuild a vector whose length and number of levels are known in advance; sizes in bits.

    `gate_bits` is what the gates of a learned allocation add: a number in 0..d_l each, ceil(log2(d_l + 1)) bits.
    """

    counts: tuple[int, ...]
    entry_bits: int
    gate_bits: int = 0

    @cached_property
    def coded_bits(self) -> int:
        """Length of the arithmetic code of the symbols."""
        return coded_bits(self.counts)

    @property
    def message_bits(self) -> int:
        """Code, codebook and gates, and for every level its count: a number in 0..n."""
        levels = len(self.counts)
        return self.coded_bits + self.entry_bits * levels + sum(self.counts).bit_length() * levels + self.gate_bits

    @property
    def prefix_free_bits(self) -> float:
        return prefix_free_bits(self.message_bits)


def coded_bits(counts: Sequence[int]) -> int:
    """ceil(n H(c / n)) + 1 for counts c with sum n, where H is the entropy in bits."""
    total = sum(counts)
    if total <= LONGEST_EXACT:
        return code_length(counts)
    return math.ceil(math.fsum(count * math.log2(total / count) for count in counts if count)) + 1


def prefix_free_bits(message_bits: int) -> float:
    """K(h) <= l + 2 log2 l: a message of l bits that tells its own length (Lotfi et al. 2022, arXiv:2211.13609)."""
    return message_bits + 2 * math.log2(message_bits) if message_bits else 0.0


def choice_bits(candidates: int) -> int:
    """ceil(log2 of the number of candidates): what picking one of them costs."""
    return (candidates - 1).bit_length()
