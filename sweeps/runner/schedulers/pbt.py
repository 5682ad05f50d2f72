"""Population-based training (Jaderberg et al. 2017), truncation selection.

Every `perturbation_steps` a trial among the worst `quantile` of those that have come as far copies one of the best
`quantile`, weights and values, and multiplies each of `perturb_keys` by one of `perturb_factors`. Which source and
which factors is a function of the seed, the trial and the step. Keys that are not swept, or not numbers, are taken
over as they are.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from sweeps.runner.schedulers.rivals import Rivals
from sweeps.runner.schedulers.rule import Action, Curve, Decision, Race, Rule
from sweeps.runner.schedulers.rungs import cost, cost_at, diverged, on_evaluation, reached, value_at
from sweeps.runner.seeded import pick

DEFAULT_PERTURBATIONS = 4


class PopulationBased(Rule):
    def decide(self, trial: str, curves: Mapping[str, Curve], race: Race) -> list[Decision]:
        """Only the highest level newly reached can exploit: at the ones before, the trial has passed on already."""
        curve = curves[trial]
        fresh = [level for level in self.levels(race) if curve.alive and level not in curve.decided and reached(curve, level)]
        passed = [Decision(Action.CONTINUE, level, _finite_at(curve, level)) for level in fresh[:-1]]
        return passed + [_decide(trial, level, curves, race) for level in fresh[-1:]]

    def promote(self, curves: Mapping[str, Curve], race: Race, *, exhausted: bool) -> str | None:
        """A trial that exploits waits for nobody."""
        del race, exhausted
        waiting = Rivals.of(curves).rung("waiting", lambda _, curve: 0.0 if curve.paused and curve.alive and not curve.ended else None)
        return waiting.name(0) if len(waiting) else None

    def levels(self, race: Race) -> list[int]:
        every = race.settings.perturbation_steps
        distance = on_evaluation(Fraction(race.max_steps, DEFAULT_PERTURBATIONS) if every is None else Fraction(every), race)
        return list(range(distance, race.max_steps, distance))


def _decide(trial: str, level: int, curves: Mapping[str, Curve], race: Race) -> Decision:
    if diverged(curves[trial]):
        return Decision(Action.STOP, level)
    held = Rivals.of(curves).rung(level, lambda _, curve: cost_at(curve, level, race))
    count = min(math.ceil(len(held) * race.settings.quantile - 1e-9), len(held) // 2)
    if trial not in held:
        return Decision(Action.CONTINUE, level)
    place = held.place(trial)
    value, cutoff = cost(held.worth(place), race), cost(held.worth(len(held) - count), race) if count else None
    if place < len(held) - count:
        return Decision(Action.CONTINUE, level, value, cutoff)
    source = pick([held.name(better) for better in range(count)], "source", race.settings.seed, trial, level)
    values = perturbed(curves[source].values, trial, level, race)
    return Decision(Action.EXPLOIT, level, value, cutoff, source=source, new_values=values)


def perturbed(values: Mapping[str, Any], trial: str, level: int, race: Race) -> dict[str, Any]:
    """The source's `values`, those of ``perturb_keys`` multiplied; a whole number stays one, and at least 1."""
    settings, new = race.settings, dict(values)
    for key in settings.perturb_keys:
        value = values.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        factor = pick(settings.perturb_factors, "factor", settings.seed, trial, level, key)
        new[key] = max(1, round(value * factor)) if isinstance(value, int) else value * factor
    return new


def _finite_at(curve: Curve, level: int) -> float | None:
    value = value_at(curve, level)
    return value if value is not None and math.isfinite(value) else None
