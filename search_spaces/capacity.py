"""Width and heads together, at the feed-forward ratio of the CS336 baseline."""

from typing import Any

from ray import tune


def capacity(d_model: int, num_heads: int) -> dict[str, Any]:
    return {"model.d_model": d_model, "model.num_heads": num_heads, "model.d_ff": 4 * d_model}


def capacities(*points: dict[str, Any]) -> list[dict[str, Any]]:
    """One part of the space for each point, for its values go together."""
    return [{key: tune.grid_search([value]) for key, value in point.items()} for point in points]
