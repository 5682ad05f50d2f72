"""A sweep as it is written down: what is believed, what is tried, and what will decide."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sweeps.runner.searchers.searcher import Space
from sweeps.runner.settings import Settings
from trainable.spec.statement import Claim


@dataclass(frozen=True)
class Sweep:
    """`space` maps dotted keys to Ray Tune's domains, `baseline` gives each of them a value, `base` are overrides of every run.

    The exploration searches `space` with early stopping; the best cells and the baseline are then run again on fresh
    seeds, and only these runs decide the claims. `full` are the overrides of ``sweep.scale=full``, the study's own size.
    """

    name: str
    hypothesis: str
    space: Space
    baseline: dict[str, Any]
    claims: Sequence[Claim]
    base: Sequence[str] = ()
    full: Sequence[str] = ()
    settings: Settings = field(default_factory=Settings)
