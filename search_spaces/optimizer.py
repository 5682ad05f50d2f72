"""Optimizers, each with learning rates of its own: what is large for Adam is small for Adafactor, whose rate is relative."""

from typing import Any

from ray import tune

_LIKE_ADAM = [3e-3, 1e-2, 3e-2]

LEARNING_RATES: dict[str, list[float]] = {
    "adamw": _LIKE_ADAM,
    "adam8bit": _LIKE_ADAM,
    "adam4bit": _LIKE_ADAM,
    "hybrid8": _LIKE_ADAM,
    "hybrid4": _LIKE_ADAM,
    "adafactor": [3e-2, 1e-1, 3e-1],
    "muon": [3e-3, 1e-2, 3e-2],
}


def optimizers(*names: str) -> list[dict[str, Any]]:
    """One part of the space for each optimizer."""
    return [{"optimizer": tune.grid_search([name]), "optimizer.lr": tune.grid_search(LEARNING_RATES[name])} for name in names]
