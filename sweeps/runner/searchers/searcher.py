"""What a searcher is here: it fills slots of the exploration with values."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainable.spec.ledger import TrialRecord

# A key's domain: one of Ray Tune's own (``tune.loguniform(...)``, ``tune.grid_search([...])``).
Space = Mapping[str, Any]


@dataclass(frozen=True)
class Slot:
    """One place of the exploration: a point of the grid (may be empty) and the number of the draw at that point.

    `refused` counts the values that were drawn for it before and could not be run.
    """

    grid: tuple[tuple[str, Any], ...]
    draw: int
    refused: int = 0

    @property
    def id(self) -> str:
        """Stable over program runs and edits of the rest of the space."""
        point = ",".join(f"{key}={value!r}" for key, value in self.grid)
        return f"{point}#{self.draw}"

    @property
    def lot(self) -> str:
        """What the values of this place are drawn from."""
        return f"{self.id}.{self.refused}" if self.refused else self.id


class Searcher(ABC):
    """Rebuilt from the ledger at every start: `resume` is told of all earlier trials before the first `suggest`."""

    @abstractmethod
    def suggest(self, slot: Slot) -> dict[str, Any]:
        """A value for every key of the space, the slot's grid values among them."""

    def resume(
        self,
        samples: Mapping[str, str],
        trials: Mapping[str, TrialRecord],
        sampled_values: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """`samples` maps slot ids to trial names, in the order they were drawn; `sampled_values` are their values then.

        A trial that was drawn and not yet started is known by its sampled values alone.
        """

    def started(self, slot: Slot, trial: str) -> None:
        """The values last suggested for `slot` became `trial`."""

    def reported(self, trial: str, step: int, metrics: Mapping[str, float | None]) -> None:
        """An evaluation of a running trial."""

    def ended(self, record: TrialRecord) -> None:
        """A trial reached a final status."""

    def publish(self, *, final: bool = False) -> None:
        """Called some ten times a second: brings files for people up to date, where there are any and it is time, or `final`.

        Raises nothing.
        """
