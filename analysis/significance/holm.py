"""Holm's step-down correction: several claims, and one chance of error for all of them together."""

from collections.abc import Sequence


def holm_factors(p_values: Sequence[float]) -> list[int]:
    """What each p value is multiplied by: m for the smallest, m - 1 for the next, 1 for the largest; equal ones in their order."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    place = {index: position for position, index in enumerate(order)}
    return [len(p_values) - place[index] for index in range(len(p_values))]


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values in the order given; rejecting those at most alpha keeps the family-wise error rate at alpha, however dependent.

    S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian J. Statistics 6 (1979).
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for index, factor in sorted(enumerate(holm_factors(p_values)), key=lambda item: -item[1]):
        largest = max(largest, min(1.0, factor * p_values[index]))
        adjusted[index] = largest
    return adjusted
