"""Batches as a pure function of (seed, step, rank): resuming needs no replay, and any number of ranks sees the same data."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainable.data.prepared import PreparedData, Tokens, open_prepared
from trainable.spec.mistakes import WrongRequest

__all__ = ["Batch", "PreparedData", "Tokens", "epoch_of", "eval_batches", "open_prepared", "too_short", "train_batch"]

Batch = tuple[NDArray[np.int64], NDArray[np.int64]]


def train_batch(tokens: Tokens, *, seed: int, step: int, rank: int = 0, ranks: int = 1, batch_size: int, context_length: int) -> Batch:
    """The inputs and targets of one rank in one step: x and y, int64, [batch_size / ranks, context_length], y shifted by one.

    batch_size: sequences of the global batch; it is the same whatever `ranks` is, and rank r holds its r-th share of
    consecutive rows. Starts are uniform in 0 .. len(tokens) - context_length - 1, drawn as the raw 64-bit output of
    Philox(key=(seed, step)) (Salmon et al. 2011) modulo the number of starts: stable over NumPy versions, with a bias
    below len(tokens) / 2^64. Raises WrongRequest when the tokens do not fill one context.
    """
    if batch_size % ranks or not 0 <= rank < ranks:
        raise ValueError(f"batch_size {batch_size} must be divisible by ranks {ranks}, and rank {rank} must be below it")
    share = batch_size // ranks
    starts = _starts(tokens, seed=seed, step=step, count=batch_size, context_length=context_length)
    return _windows(tokens, starts[rank * share : (rank + 1) * share], context_length)


def eval_batches(tokens: Tokens, *, batch_size: int, context_length: int, max_batches: int) -> Iterator[Batch]:
    """The same windows every time: at most `max_batches` batches of windows that do not overlap, spread evenly.

    Every window predicts `context_length` tokens. When the tokens hold fewer windows than asked for, all are used and
    the last batch may have fewer rows: weigh batches by their rows. Raises WrongRequest as `train_batch`.
    """
    _require(tokens, context_length)
    available = (len(tokens) - 1) // context_length
    count = min(available, batch_size * max_batches)
    starts = (np.arange(count, dtype=np.int64) * available // count) * context_length
    for first in range(0, count, batch_size):
        yield _windows(tokens, starts[first : first + batch_size], context_length)


def epoch_of(step: int, *, batch_size: int, context_length: int, tokens: int) -> int:
    """Passes over `tokens` training tokens that `step` steps amount to, rounded down."""
    return step * batch_size * context_length // tokens


def too_short(tokens: Tokens, context_length: int) -> str | None:
    if len(tokens) > context_length:
        return None
    return (
        f"{len(tokens)} tokens do not fill one context of {context_length} and its next token;"
        " use more text, a larger share of it, or a smaller model.context_length"
    )


def _starts(tokens: Tokens, *, seed: int, step: int, count: int, context_length: int) -> NDArray[np.int64]:
    _require(tokens, context_length)
    key = np.array([seed, step], dtype=np.uint64)
    raw: NDArray[Any] = np.random.Philox(key=key).random_raw(count)
    return (raw % np.uint64(len(tokens) - context_length)).astype(np.int64)


def _windows(tokens: Tokens, starts: NDArray[np.int64], context_length: int) -> Batch:
    windows = np.asarray(tokens[starts[:, None] + np.arange(context_length + 1)]).astype(np.int64)
    return np.ascontiguousarray(windows[:, :-1]), np.ascontiguousarray(windows[:, 1:])


def _require(tokens: Tokens, context_length: int) -> None:
    if sentence := too_short(tokens, context_length):
        raise WrongRequest([sentence])
