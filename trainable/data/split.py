"""The split by document: which documents train, and which are held out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainable.data.source import SPLITS
from trainable.spec.mistakes import WrongRequest

Labels = NDArray[np.uint8]


def split_documents(count: int, *, held_out: Sequence[tuple[str, float]], seed: int) -> Labels:
    """Index into SPLITS for each of `count` documents.

    held_out: (split, share of the documents) pairs; each gets its rounded share, and at least one document. The
    documents are drawn by sorting the raw 64-bit output of Philox(key=(seed, 0)), which NumPy guarantees never to
    change (unlike the methods of Generator). Raises WrongRequest when no training document would remain.
    """
    sizes = {split: max(1, round(count * share)) for split, share in held_out}
    if sum(sizes.values()) >= count:
        raise WrongRequest([_too_few(count, sizes)])
    order = np.argsort(np.random.Philox(key=_key(seed)).random_raw(count), kind="stable")
    labels = np.zeros(count, dtype=np.uint8)
    start = 0
    for split, size in sizes.items():
        labels[order[start : start + size]] = SPLITS.index(split)
        start += size
    return labels


def _key(seed: int) -> NDArray[Any]:
    return np.array([seed, 0], dtype=np.uint64)


def _too_few(count: int, sizes: dict[str, int]) -> str:
    wanted = " and ".join(f"{size} for {split}" for split, size in sizes.items())
    return (
        f"the text has {count} document{'' if count == 1 else 's'}, and holding out {wanted} leaves none to train on:"
        " lower data.val_fraction and data.test_fraction, or part the text (data.document_separator)"
    )
