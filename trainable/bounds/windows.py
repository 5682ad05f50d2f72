"""Sliding windows: how the tokens of a part are predicted where the part is longer than the model's context."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """Predicts the `length` tokens from position `start` on; only the last `kept` of them count. `part` is whose they are."""

    part: int
    start: int
    length: int
    kept: int


def windows(part: int, start: int, length: int, context_length: int, shift: int) -> Iterator[Window]:
    """The first context whole, then contexts moved by `shift` tokens, of which the last `shift` predictions are kept."""
    first = min(length, context_length)
    yield Window(part, start, first, first)
    for done in range(first, length, shift):
        end = min(done + shift, length)
        yield Window(part, start + end - context_length, context_length, end - done)


def default_shift(context_length: int) -> int:
    """100 tokens as in the paper; half a context where that is less."""
    return max(1, min(100, context_length // 2))
