"""The places of an exploration, and what is wrong with a search space: pure."""

from collections.abc import Sequence
from itertools import product
from typing import Any

from sweeps.runner.searchers.domains import described, domain_mistakes, grid_values, is_normal, is_sampled
from sweeps.runner.searchers.searcher import Slot, Space
from sweeps.runner.seeded import words

GRID_SEARCHER = "grid"
OPTUNA_PREFIX = "optuna-"


def slots(space: Space, samples: int, seed: int) -> list[Slot]:
    """Every point of the grid, `samples` times when there is something to draw, once when there is not.

    First every point's first draw, then every point's second, so that a budget which ends early leaves a whole grid;
    among the points of a draw the order is one of hashes, seeded: an early-stopping rule then never sees a key's
    values sorted, a longer grid keeps the order of the points it had, and more samples come after the ones before.
    """
    grid = {key: values for key, domain in sorted(space.items()) if (values := grid_values(domain)) is not None}
    draws = samples if any(is_sampled(domain) for domain in space.values()) else 1
    points = [tuple(zip(grid, point, strict=True)) for point in product(*grid.values())]
    places = [Slot(point, draw) for draw in range(draws) for point in points]
    return sorted(places, key=lambda slot: slot_order(slot, seed))


def slot_order(slot: Slot, seed: int) -> tuple[int, Sequence[int]]:
    """By draw, then by a seeded hash."""
    return slot.draw, words("slot", seed, slot.id)


def space_mistakes(space: Space, searcher_name: str, samples: int) -> list[str]:
    """Every fault of the search space, each with its key, the rule and what to write instead."""
    mistakes = [] if space else ["the search space is empty: it needs at least one key"]
    for key, domain in space.items():
        faults = list(domain_mistakes(key, domain))
        mistakes += faults or _searcher_faults(key, domain, searcher_name)
    if samples > 1 and space and all(grid_values(domain) is not None for domain in space.values()):
        mistakes.append(f"explore.samples={samples}, but there is nothing to draw: every key of the space is a tune.grid_search")
    return mistakes


def _searcher_faults(key: str, domain: Any, searcher_name: str) -> list[str]:
    """What a domain that is right in itself asks too much of the searcher."""
    if not is_sampled(domain):
        return []
    if searcher_name == GRID_SEARCHER:
        return [
            f"'{key}': searcher=grid draws nothing from {described(domain)}; "
            "use tune.grid_search([...]), or searcher=random or searcher=optuna-tpe"
        ]
    if searcher_name.startswith(OPTUNA_PREFIX) and is_normal(domain):
        return [
            f"'{key}': searcher={searcher_name} needs bounds, which {described(domain)} has not; "
            "use tune.uniform(low, high), or searcher=random"
        ]
    return []
