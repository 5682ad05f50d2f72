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


# At the size of GPT-2 small the rates that serve lie three to ten times lower.
LEARNING_RATES_OF_GPT2: dict[str, list[float]] = {
    **{name: [3e-4, 6e-4, 1e-3, 3e-3] for name in ("adamw", "adam8bit", "adam4bit", "hybrid8", "hybrid4")},
    "adafactor": [3e-3, 1e-2, 3e-2, 1e-1],
    "muon": [3e-4, 1e-3, 3e-3, 1e-2],
}


def optimizers(rates: dict[str, list[float]]) -> list[dict[str, Any]]:
    """One part of the space for each optimizer."""
    return [{"optimizer": tune.grid_search([name]), "optimizer.lr": tune.grid_search(values)} for name, values in rates.items()]
