"""Ranks of a low-rank adapter, alpha tied to them: from a fraction of a percent of the weights to a good part of a small model."""

from ray import tune

LORA_RANK = {"adapter.rank": tune.grid_search([4, 8, 16, 32, 64])}
