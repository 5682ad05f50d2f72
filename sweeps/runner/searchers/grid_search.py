"""Grid search: every point of the grid, nothing drawn."""

from typing import Any

from sweeps.runner.searchers.searcher import Searcher, Slot


class GridSearch(Searcher):
    def suggest(self, slot: Slot) -> dict[str, Any]:
        return dict(slot.grid)
