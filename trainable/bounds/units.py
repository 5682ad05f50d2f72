"""The parts of the training data that a bound takes as independent: documents, sequences of one context, or tokens."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainable.data.prepared import PreparedData
from trainable.spec.mistakes import WrongRequest

Whole = NDArray[np.int64]
# Keeps the draws apart from those of training batches, whose steps are small (trainable.data.batches).
_STREAM = 2**63


@dataclass(frozen=True)
class Units:
    """Parts that are drawn: part i predicts the `lengths[i]` tokens from position `starts[i]` on, each from what comes before it.

    `independent` is the n of the bound: the number of parts, or of tokens in all of them.
    """

    starts: Whole
    lengths: Whole
    independent: int


@dataclass(frozen=True)
class Sample:
    """indices: parts that were drawn, ascending, each once; weights: how often. `draws` is None where every part was taken once."""

    indices: Whole
    weights: Whole
    draws: int | None


def units(data: PreparedData, level_of_independence: str, context_length: int) -> Units:
    """All parts of the training data. Raises `WrongRequest` when there is none."""
    found = _documents(data) if level_of_independence == "document" else _sequences(len(data.train), context_length)
    if not len(found.starts):
        raise WrongRequest([f"the training data have no {level_of_independence} of which a token could be predicted"])
    return found if level_of_independence != "token" else Units(found.starts, found.lengths, int(found.lengths.sum()))


def sample(count: int, draws: int | None, seed: int) -> Sample:
    """`draws` parts of `count`, uniformly with replacement: a function of (seed, count, draws), so that all modes see the same.

    With as many draws as parts, or None, every part is taken once: that is cheaper, and leaves the bound one term less.
    """
    if draws is None or draws >= count:
        return Sample(np.arange(count, dtype=np.int64), np.ones(count, dtype=np.int64), None)
    raw = np.random.Philox(key=np.array([seed, _STREAM], dtype=np.uint64)).random_raw(draws)
    indices, weights = np.unique((raw % np.uint64(count)).astype(np.int64), return_counts=True)
    return Sample(indices, weights.astype(np.int64), draws)


def _documents(data: PreparedData) -> Units:
    """From the end of the document before it: its own end is not predicted, and a document without a token is none."""
    ends = data.eot_indices()
    starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64)
    lengths = (ends - starts).astype(np.int64)
    return Units(starts[lengths > 0], lengths[lengths > 0], int((lengths > 0).sum()))


def _sequences(tokens: int, context_length: int) -> Units:
    """Contexts that do not overlap, each with the token after it."""
    count = max(0, (tokens - 1) // context_length)
    starts = np.arange(count, dtype=np.int64) * context_length + 1
    return Units(starts, np.full(count, context_length, dtype=np.int64), count)
