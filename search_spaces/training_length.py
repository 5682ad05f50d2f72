"""Steps of a full run; the schedule stretches with it."""

from typing import Any

from ray import tune


def training_lengths(*max_steps: int) -> dict[str, Any]:
    return {"training.max_steps": tune.grid_search(list(max_steps))}
