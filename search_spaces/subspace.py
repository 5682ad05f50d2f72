"""How a budget of d trained numbers is shared out over LoRA's A and B: as one, in fixed shares, or as gates learn it."""

from typing import Any

from ray import tune

BUDGETS = (1000, 2000)
RATIOS = (0.2, 0.5, 0.8)


def uniform(budget: int) -> dict[str, Any]:
    return _point(budget, "uniform")


def fixed(budget: int, ratio: float) -> dict[str, Any]:
    """`ratio` of the budget goes to B."""
    return _point(budget, "fixed", ratio)


def learned(budget: int) -> dict[str, Any]:
    return _point(budget, "learned")


def allocations(*budgets: int) -> list[dict[str, Any]]:
    """One part of the space for each budget and way to share it out, for their values go together."""
    points = [point for d in budgets for point in (uniform(d), *(fixed(d, ratio) for ratio in RATIOS), learned(d))]
    return [{key: tune.grid_search([value]) for key, value in point.items()} for point in points]


def _point(budget: int, allocation: str, ratio: float | None = None) -> dict[str, Any]:
    return {"adapter.intrinsic_dim": budget, "adapter.allocation": allocation, "adapter.allocation_ratio": ratio}
