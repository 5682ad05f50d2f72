"""Shapes of parameters by name, and how many entries the largest has: no torch."""

from collections.abc import Mapping
from math import prod

Shape = tuple[int, ...]


def largest(shapes: Mapping[str, Shape]) -> int:
    """Entries of the largest tensor."""
    return max((prod(shape) for shape in shapes.values()), default=0)
