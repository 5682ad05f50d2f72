"""ASHA: asynchronous successive halving (Li et al. 2020), stopping or, with ``promote=true``, pausing and promoting."""

from collections.abc import Mapping

from sweeps.runner.schedulers.brackets import Bracket
from sweeps.runner.schedulers.halving import decide_at_rungs, promotable
from sweeps.runner.schedulers.rule import Curve, Decision, Race, Rule
from sweeps.runner.schedulers.rungs import geometric_levels


class Asha(Rule):
    """Bracket b starts at the b-th rung (``brackets``; 1 is the paper's recommendation); trials race within their bracket."""

    def decide(self, trial: str, curves: Mapping[str, Curve], race: Race) -> list[Decision]:
        return decide_at_rungs(trial, curves, race, _brackets(race))

    def promote(self, curves: Mapping[str, Curve], race: Race, *, exhausted: bool) -> str | None:
        return promotable(curves, race, _brackets(race), exhausted=exhausted)

    def levels(self, race: Race) -> list[int]:
        return geometric_levels(race)


def _brackets(race: Race) -> list[Bracket]:
    levels = geometric_levels(race)
    return [levels[first:] for first in range(min(race.settings.brackets, max(1, len(levels))))]
