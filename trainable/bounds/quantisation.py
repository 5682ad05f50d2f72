"""Quantisation of a vector to a few levels: uniform bins or k-means, with a codebook in float16 (as in Lotfi et al. 2022, 2024)."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
HALF_BITS, SINGLE_BITS = 16, 32
_EDGE = 1e-6
_LARGEST_HALF = float(np.finfo(np.float16).max)
_KMEANS_ROUNDS = 100


@dataclass(frozen=True)
class Quantised:
    """symbols: int64 [n], indices into codebook: float64 [levels], whose entries take `entry_bits` each when written down."""

    symbols: NDArray[np.int64]
    codebook: Vector
    entry_bits: int

    @property
    def counts(self) -> list[int]:
        """How often each level is used, [levels]."""
        return [int(count) for count in np.bincount(self.symbols, minlength=len(self.codebook))]

    @property
    def values(self) -> Vector:
        """What the symbols stand for, [n]."""
        return self.codebook[self.symbols]


def uniform_bins(z: Vector, levels: int) -> Quantised:
    """Bins of equal width over [-max |z|, max |z|], each coded by the mean of its members; the left edge where it has none."""
    symbols, means = _bins(z, levels)
    return Quantised(symbols, _half(means), HALF_BITS)


def kmeans(z: Vector, levels: int) -> Quantised:
    """Lloyd's k-means from the uniform bins on, so that nothing is drawn; each entry goes to the nearest rounded centroid."""
    _, start = _bins(z, levels)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="One of the clusters is empty")  # a level nobody uses keeps its place
        from scipy.cluster.vq import kmeans2

        centroids, _ = kmeans2(z[:, None], start[:, None], iter=_KMEANS_ROUNDS, minit="matrix", missing="warn")
    codebook = _half(centroids[:, 0])
    return Quantised(nearest(z, codebook), codebook, HALF_BITS)


def nearest(z: Vector, codebook: Vector) -> NDArray[np.int64]:
    """Index of the nearest codebook entry, [n]; of two as near the first."""
    best = np.zeros(len(z), dtype=np.int64)
    distance = np.abs(z - codebook[0])
    for level in range(1, len(codebook)):
        closer = np.abs(z - codebook[level]) < distance
        best[closer] = level
        distance[closer] = np.abs(z[closer] - codebook[level])
    return best


def _bins(z: Vector, levels: int) -> tuple[NDArray[np.int64], Vector]:
    """The bin of each entry, [n], and the mean of each bin, [levels]. Raises ValueError unless every entry is finite."""
    if not (z.size and np.isfinite(z).all()):
        raise ValueError("only a vector of finite numbers, and at least one, can be quantised")
    largest = float(np.abs(z).max())
    edges = np.linspace(-largest - _EDGE, largest + _EDGE, levels + 1)
    # Beyond 1e10 the margin is lost in rounding, and the largest entry would fall off the end.
    symbols = np.clip(np.digitize(z, edges) - 1, 0, levels - 1).astype(np.int64)
    counts, sums = np.bincount(symbols, minlength=levels), np.bincount(symbols, weights=z, minlength=levels)
    return symbols, np.where(counts > 0, sums / np.maximum(counts, 1), edges[:-1])


def _half(codebook: Vector) -> Vector:
    """Rounded to float16; what lies beyond becomes its largest number."""
    return np.clip(codebook, -_LARGEST_HALF, _LARGEST_HALF).astype(np.float16).astype(np.float64)


QUANTISATIONS: dict[str, Callable[[Vector, int], Quantised]] = {"uniform": uniform_bins, "kmeans": kmeans}
