"""Random choices that are a pure function of what they are about: no generator, no order, no state."""

import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")

_WORDS, _WORD_BYTES = 4, 4


def words(*about: object) -> list[int]:
    """Four 32-bit words, the same on every machine for equal `about` (strings and numbers); a seed for NumPy's generators."""
    digest = blake2b(json.dumps(about, allow_nan=False).encode(), digest_size=_WORDS * _WORD_BYTES).digest()
    return [int.from_bytes(digest[i : i + _WORD_BYTES], "big") for i in range(0, len(digest), _WORD_BYTES)]


def fraction(*about: object) -> float:
    """Uniform in [0, 1)."""
    high, low, *_ = words(*about)
    return float(((high << 32 | low) >> 11) / 2**53)


def pick(options: Sequence[T], *about: object) -> T:
    """One of `options`, each equally likely."""
    return options[int(fraction(*about) * len(options))]
