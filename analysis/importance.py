"""How much of the spread among explored trials each swept key explains: one-way analysis of variance on ranks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.columns import CONFIG_PREFIX, Row
from analysis.study import order_of

# Fewer trials to a level tell little; numbers that hardly repeat are taken together in so many groups of equal size, or fewer.
_TRIALS_PER_LEVEL = 3
_MOST_GROUPS = 4


@dataclass(frozen=True)
class Importance:
    """`share` in [0, 1] of the variance of the trials' ranks that the key's `levels` explain over `n` trials, without the part that chance
    explains; `p_value` is Kruskal and Wallis'. None with less than two trials to a level, or where all trials are equally good.
    """

    key: str
    n: int
    levels: int
    share: float | None
    p_value: float | None


def importances(rows: Sequence[Row], values: Mapping[str, float], varied: Sequence[str]) -> list[Importance]:
    """One entry for each key with more than one value, the most important first.

    Args:
        rows: rows of ``trials.parquet``; those without an entry in `values` are left out.
        values: the metric by trial, all after the same number of steps, so that early stopping does not count as quality.
        varied: the swept keys.

    The share is eta squared of the Kruskal-Wallis H, (H - k + 1) / (n - k) for k levels (Tomczak and Tomczak, Trends in Sport Sciences 21
    (2014)), at least 0. Ranks keep one trial that nearly diverged from being all of the variance; a key whose optimum lies inside its
    range counts in full, which a correlation misses. Its limits: it sees each key by itself and no interaction, shares need not sum
    to 1, and where a model chose the values, keys that were moved together share their merit. With few trials look at p first.
    """
    known = [row for row in rows if row["trial"] in values and math.isfinite(values[row["trial"]])]
    merits = [values[row["trial"]] for row in known]
    found = [_importance(key, [row[CONFIG_PREFIX + key] for row in known], merits) for key in varied]
    return sorted((one for one in found if one is not None), key=lambda one: -1.0 if one.share is None else one.share, reverse=True)


def _importance(key: str, levels: Sequence[Any], merits: Sequence[float]) -> Importance | None:
    groups = [group for group in _grouped(levels, merits) if group]
    n, k = len(merits), len(groups)
    if k < 2:
        return None
    if n < 2 * k or len(set(merits)) == 1:
        return Importance(key, n, k, None, None)
    from scipy.stats import kruskal  # takes most of a second to import

    h, p_value = kruskal(*groups)
    share = (float(h) - k + 1) / (n - k)
    return Importance(key, n, k, min(1.0, max(0.0, share)), float(p_value))


def _grouped(levels: Sequence[Any], merits: Sequence[float]) -> list[list[float]]:
    """The merits by level; of numbers that hardly repeat, by quarters (thirds, halves) of their order."""
    by_level: dict[tuple[int, float, str], list[float]] = {}
    for level, merit in sorted(zip(map(order_of, levels), merits, strict=True), key=lambda pair: pair[0]):
        by_level.setdefault(level, []).append(merit)
    numeric = all(level[0] == 0 for level in by_level)
    count = min(_MOST_GROUPS, len(merits) // _TRIALS_PER_LEVEL)
    if not numeric or count < 2 or len(by_level) * _TRIALS_PER_LEVEL <= len(merits):
        return list(by_level.values())
    groups: list[list[float]] = [[] for _ in range(count)]
    before = 0
    for group in by_level.values():
        # A level stays whole: it goes where its middle lies.
        groups[min(count - 1, int((before + len(group) / 2) / len(merits) * count))] += group
        before += len(group)
    return groups
