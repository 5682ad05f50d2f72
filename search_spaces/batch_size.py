"""Batch sizes against a baseline's: the learning rate kept or scaled, at equal tokens; the rate kept, at equal steps."""

from typing import Any

from ray import tune

# Powers of the batch's multiple: Krizhevsky 2014 and Goyal et al. 2017 for linear, Malladi et al. 2022 (Adam) for the root.
LR_RULES = {"fixed": 0.0, "square_root": 0.5, "linear": 1.0}
MULTIPLES = (0.5, 2.0, 4.0)


def batch_sizes(batch_size: int, lr: float, max_steps: int, eval_interval: int) -> list[dict[str, Any]]:
    """A point for each multiple of `batch_size` and rule at equal tokens, and for each multiple at equal steps."""
    equal_tokens = [
        batch_size_point(round(batch_size * m), lr * m**power, round(max_steps / m), max(1, round(eval_interval / m)))
        for m in MULTIPLES
        for power in LR_RULES.values()
    ]
    equal_steps = [batch_size_point(round(batch_size * m), lr, max_steps, eval_interval) for m in MULTIPLES]
    return [{key: tune.grid_search([value]) for key, value in point.items()} for point in [*equal_tokens, *equal_steps]]


def batch_size_point(batch_size: int, lr: float, max_steps: int, eval_interval: int) -> dict[str, Any]:
    values = {"batch_size": batch_size, "max_steps": max_steps, "eval_interval": eval_interval}
    return {**{f"training.{name}": value for name, value in values.items()}, "optimizer.lr": float(f"{lr:.4g}")}
