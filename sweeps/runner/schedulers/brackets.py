"""Which bracket a trial races in: Hyperband's proportions, chosen by the trial's name."""

import math
from collections.abc import Sequence

from sweeps.runner.schedulers.rule import Race
from sweeps.runner.seeded import fraction

# The rungs of one bracket, in steps; an empty one never stops a trial.
Bracket = Sequence[int]


def proportions(brackets: Sequence[Bracket], eta: float) -> list[int]:
    """Hyperband's n_s = ceil((s_max + 1) / (s + 1) * eta^s) (Li et al. 2018, Algorithm 1, line 3), s a bracket's number of rungs.

    Every bracket then costs about the same: the more rungs it has, the more trials it starts and the fewer it completes.
    """
    largest = max(len(bracket) for bracket in brackets)
    return [math.ceil((largest + 1) / (len(bracket) + 1) * eta ** len(bracket) - 1e-9) for bracket in brackets]


def bracket_of(trial: str, brackets: Sequence[Bracket], race: Race) -> int:
    """A function of the seed and the trial's name alone, so that no order of arrival and no random state enters."""
    if len(brackets) == 1:
        return 0
    weights = proportions(brackets, race.settings.reduction_factor)
    place = fraction("bracket", race.settings.seed, trial) * sum(weights)
    for number, weight in enumerate(weights):
        place -= weight
        if place < 0:
            return number
    return len(brackets) - 1
