"""Random search: each key drawn by Ray Tune's own sampling, on its own."""

from typing import Any

import numpy as np

from sweeps.runner.searchers.domains import is_sampled, native
from sweeps.runner.searchers.searcher import Searcher, Slot, Space
from sweeps.runner.seeded import words


class RandomSearch(Searcher):
    def __init__(self, space: Space, seed: int) -> None:
        self._space, self._seed = space, seed

    def suggest(self, slot: Slot) -> dict[str, Any]:
        return draw(self._space, slot, self._seed)


def draw(space: Space, slot: Slot, seed: int) -> dict[str, Any]:
    """The slot's grid values, and for every sampled key a value that depends on (seed, the slot's lot, key) and its domain only.

    So neither the order of the slots nor an edit of another key's domain changes a value.
    """
    fixed = dict(slot.grid)
    drawn = {
        key: native(domain.sample(random_state=np.random.RandomState(words("draw", seed, slot.lot, key))))
        for key, domain in space.items()
        if is_sampled(domain) and key not in fixed
    }
    return {**fixed, **drawn}
