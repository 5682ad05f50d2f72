"""The median stopping rule (Golovin et al. 2017, "Google Vizier", section 3.2.1).

A trial is stopped at step s when its best value up to s is strictly worse than the median of the running averages,
up to s, of the other trials that have come as far. The averages are taken over the evaluations that every trial is
due, one each `eval_interval` steps, so that a trial which reports more often weighs no more. Vizier asks the completed
trials only; here every living one that has reached s counts, or a sweep as wide as its workers would never stop any.
"""

from collections.abc import Mapping
from statistics import fmean

from sweeps.runner.schedulers.rivals import Rivals, Rung
from sweeps.runner.schedulers.rule import Action, Curve, Decision, Race, Rule
from sweeps.runner.schedulers.rungs import cost, cost_at, diverged, first_resource, on_evaluation, reached


class MedianStopping(Rule):
    def decide(self, trial: str, curves: Mapping[str, Curve], race: Race) -> list[Decision]:
        curve = curves[trial]
        decisions: list[Decision] = []
        for level in self.levels(race):
            if not curve.alive or level in curve.decided or not reached(curve, level):
                continue
            decisions.append(_decide(trial, level, curves, race))
            if decisions[-1].action == Action.STOP:
                break
        return decisions

    def levels(self, race: Race) -> list[int]:
        """Every evaluation from the grace period to before the end."""
        return list(range(on_evaluation(first_resource(race), race), race.max_steps, race.eval_interval))


def _decide(trial: str, level: int, curves: Mapping[str, Curve], race: Race) -> Decision:
    curve = curves[trial]
    if diverged(curve):
        return Decision(Action.STOP, level)
    own = _costs(curve, level, race)
    averages = Rivals.of(curves).rung(level, lambda _, rival: _average(rival, level, race))
    others = len(averages) - (trial in averages)
    if not own or others < max(1, race.settings.min_samples):
        return Decision(Action.CONTINUE, level, cost(min(own), race) if own else None)
    best, cutoff = min(own), _median_without(trial, averages)
    return Decision(Action.STOP if best > cutoff else Action.CONTINUE, level, cost(best, race), cost(cutoff, race))


def _average(curve: Curve, level: int, race: Race) -> float | None:
    """The running average up to `level` of a trial that holds this rung."""
    return None if cost_at(curve, level, race) is None else fmean(_costs(curve, level, race))


def _median_without(trial: str, averages: Rung) -> float:
    """The median of all others, read off their order."""
    left_out = averages.place(trial) if trial in averages else len(averages)
    count = len(averages) - (trial in averages)
    middle = {(count - 1) // 2, count // 2}
    return fmean(averages.worth(place + (place >= left_out)) for place in middle)


def _costs(curve: Curve, level: int, race: Race) -> list[float]:
    """Costs at the due evaluations up to `level`, each of the last value measured by then; before the first there are none."""
    costs: list[float] = []
    value, seen = None, 0
    for due in range(race.eval_interval, level + 1, race.eval_interval):
        while seen < len(curve.points) and curve.points[seen][0] <= due:
            measured = curve.points[seen][1]
            value, seen = value if measured is None else measured, seen + 1
        if value is not None:
            costs.append(cost(value, race))
    return costs
