"""Fewer points of a curve without losing its spikes: the lowest and the highest value of each stretch."""

from itertools import pairwise

import numpy as np

from analysis.figures.curves import Curve, Numbers


def thinned(curve: Curve, most: int) -> tuple[Numbers, Numbers]:
    """At most `most` (at least 4) of the curve's own points as steps and values; the first and the last are always among them."""
    count = len(curve.steps)
    if count <= most:
        return curve.steps, curve.values
    edges = np.linspace(0, count, (most - 2) // 2 + 1).astype(int)
    stretches = [curve.values[start:end] for start, end in pairwise(edges)]
    extremes = [start + place for start, part in zip(edges[:-1], stretches, strict=True) for place in (part.argmin(), part.argmax())]
    kept = np.unique([0, *extremes, count - 1])
    return curve.steps[kept], curve.values[kept]
