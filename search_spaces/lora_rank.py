"""Ranks of a low-rank adapter, alpha tied to them, in models of two sizes: from a fraction of a percent of the weights to a good part."""

from typing import Any

from ray import tune

RANKS = [4, 8, 16, 32, 64]


def lora_ranks(*models: str) -> dict[str, Any]:
    return {"model": tune.grid_search(list(models)), "adapter.rank": tune.grid_search(RANKS)}
