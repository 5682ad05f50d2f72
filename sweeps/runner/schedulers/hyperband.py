"""Hyperband's brackets (Li et al. 2018, "Hyperband"), each halved asynchronously by ASHA's rule.

Bracket b leaves out the first b rungs, down to one without any, which runs every trial to the end; together they hedge
against losses that cross late. Trials are spread in Hyperband's proportions by their names, so that no bracket has to
be full before another begins: a sweep of few trials has the proportions only on average.
"""

from collections.abc import Mapping

from sweeps.runner.schedulers.brackets import Bracket
from sweeps.runner.schedulers.halving import decide_at_rungs, promotable
from sweeps.runner.schedulers.rule import Curve, Decision, Race, Rule
from sweeps.runner.schedulers.rungs import geometric_levels


class Hyperband(Rule):
    """All brackets from the first rung to none; ``scheduler.brackets`` is not asked."""

    def decide(self, trial: str, curves: Mapping[str, Curve], race: Race) -> list[Decision]:
        return decide_at_rungs(trial, curves, race, _brackets(race))

    def promote(self, curves: Mapping[str, Curve], race: Race, *, exhausted: bool) -> str | None:
        return promotable(curves, race, _brackets(race), exhausted=exhausted)

    def levels(self, race: Race) -> list[int]:
        return geometric_levels(race)


def _brackets(race: Race) -> list[Bracket]:
    levels = geometric_levels(race)
    return [levels[first:] for first in range(len(levels) + 1)]
