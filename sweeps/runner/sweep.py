"""A sweep as it is written down: what is believed, what is tried, and what will decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sweeps.runner.searchers.searcher import Space
from sweeps.runner.settings import Settings
from trainable.spec.statement import Claim


@dataclass(frozen=True)
class Sweep:
    """`space` maps dotted keys to Ray Tune's domains; several spaces (of the same keys, told apart by a grid) are explored together.

    `base` are overrides of every run. `baseline` gives each key of the space a value; when it leaves some out, the best
    explored cell with the values it gives is the baseline, so that what is compared with has been tuned as well.

    The exploration searches `space` with early stopping; the best cells and the baseline are then run again on fresh
    seeds, and only these runs decide the claims. `full` is the sweep at the study's own size, for ``sweep.scale=full``.
    """

    name: str
    hypothesis: str
    space: Space | Sequence[Space]
    baseline: dict[str, Any]
    claims: Sequence[Claim]
    base: Sequence[str] = ()
    full: "Sweep | None" = None
    settings: Settings = field(default_factory=Settings)

    @property
    def spaces(self) -> list[Space]:
        return [self.space] if isinstance(self.space, Mapping) else list(self.space)

    @property
    def keys(self) -> list[str]:
        """The varied keys, sorted."""
        return sorted({key for space in self.spaces for key in space})
