"""The searchers by name: a new one is a file and a line here."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from sweeps.runner.searchers.grid_search import GridSearch
from sweeps.runner.searchers.models import MODELS
from sweeps.runner.searchers.optuna_search import OptunaSearch, Recipe
from sweeps.runner.searchers.parted import PartedSearch
from sweeps.runner.searchers.random_search import RandomSearch
from sweeps.runner.searchers.searcher import Searcher, Space
from sweeps.runner.searchers.slots import slots
from sweeps.runner.settings import Settings
from trainable.spec.ledger import TrialRecord


class Build(Protocol):
    """`journal` is where a searcher that has a study writes it, `warm_start` are trials of earlier sweeps."""

    def __call__(
        self, space: Space, settings: Settings, journal: Path | None = None, warm_start: Sequence[TrialRecord] = ()
    ) -> Searcher: ...


def _grid(space: Space, settings: Settings, journal: Path | None = None, warm_start: Sequence[TrialRecord] = ()) -> Searcher:
    del space, settings, journal, warm_start
    return GridSearch()


def _random(space: Space, settings: Settings, journal: Path | None = None, warm_start: Sequence[TrialRecord] = ()) -> Searcher:
    del journal, warm_start
    return RandomSearch(space, settings.explore.seed)


def _optuna(model: str, space: Space, settings: Settings, journal: Path | None = None, warm_start: Sequence[TrialRecord] = ()) -> Searcher:
    recipe = Recipe(MODELS[model], tuple(settings.sweep.metric), settings.explore.seed, settings.searcher.startup_trials)
    return OptunaSearch(space, recipe, journal, warm_start)


SEARCHERS: dict[str, Build] = {"grid": _grid, "random": _random, **{name: partial(_optuna, name) for name in MODELS}}


def build_searchers(spaces: Sequence[Space], settings: Settings, journal: Path, warm_start: Sequence[TrialRecord] = ()) -> Searcher:
    """The searcher of a sweep; several spaces have one each, with a journal of its own."""
    if len(spaces) == 1:
        return build_searcher(spaces[0], settings, journal, warm_start)
    journals = [journal.with_stem(f"{journal.stem}-{number}") for number in range(1, len(spaces) + 1)]
    return PartedSearch(
        [set(slots(space, settings.explore.samples, settings.explore.seed)) for space in spaces],
        [build_searcher(space, settings, path, warm_start) for space, path in zip(spaces, journals, strict=True)],
    )


def build_searcher(space: Space, settings: Settings, journal: Path | None = None, warm_start: Sequence[TrialRecord] = ()) -> Searcher:
    """The searcher that the settings name, for a space without mistakes."""
    return SEARCHERS[settings.searcher.name](space, settings, journal, warm_start)
