"""Arithmetic code of a string of symbols whose counts are known (Rissanen and Langdon 1979), in exact integers.

A string of n symbols owns an interval of [0, 1) whose width is the product of its symbols' frequencies c_s / n; any binary
fraction that fits into it stands for the string.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

# (low, width, total): the interval [low, low + width) / total.
_Interval = tuple[int, int, int]


@dataclass(frozen=True)
class Code:
    """The `length` binary digits of a fraction, as the integer `value`: value / 2**length."""

    value: int
    length: int


def encode(symbols: Iterable[int], counts: Sequence[int]) -> Code:
    """The code of `symbols`, which hold the symbol s `counts[s]` times. Raises ValueError when they do not."""
    symbols = list(symbols)
    if [symbols.count(s) for s in range(len(counts))] != list(counts) or len(symbols) != sum(counts):
        raise ValueError(f"the symbols are not those that the counts {list(counts)} tell of")
    lows, total = _lows(counts), len(symbols)
    low, _, scale = _joined([(lows[s], counts[s], total) for s in symbols])
    length = code_length(counts)
    return Code(-(-(low << length) // scale), length)


def decode(code: Code, counts: Sequence[int]) -> list[int]:
    """The string that `encode` was given."""
    lows, total = _lows(counts), sum(counts)
    owner = [s for s, count in enumerate(counts) for _ in range(count)]
    above, below = code.value, 1 << code.length  # the fraction within the interval of what has been read
    symbols = []
    for _ in range(total):
        s = owner[above * total // below]
        symbols.append(s)
        above, below = above * total - lows[s] * below, below * counts[s]
    return symbols


def code_length(counts: Sequence[int]) -> int:
    """Digits of the code: ceil(sum over symbols of -log2(c_s / n)) + 1, with which a fraction is sure to fit its interval."""
    total: int = sum(counts) ** sum(counts)
    width: int = math.prod(count**count for count in counts)
    return (-(-total // width) - 1).bit_length() + 1


def _lows(counts: Sequence[int]) -> list[int]:
    return [0, *accumulate(counts)][:-1]


def _joined(parts: list[_Interval]) -> _Interval:
    """The interval of a string from those of its symbols: neighbours are joined in pairs, so that numbers stay short for long."""
    while len(parts) > 1:
        pairs = [_pair(first, second) for first, second in zip(parts[::2], parts[1::2], strict=False)]
        parts = pairs + parts[len(parts) - len(parts) % 2 :]
    return parts[0]


def _pair(first: _Interval, second: _Interval) -> _Interval:
    return (first[0] * second[2] + first[1] * second[0], first[1] * second[1], first[2] * second[2])
