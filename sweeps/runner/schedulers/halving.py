"""Asynchronous successive halving at given rungs (Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning").

Stopping, the default: at a rung with n values, its own among them, a trial goes on when it is among the best
max(1, floor(n / eta)). The paper's Algorithm 2 lets the best floor(n / eta) of a rung go on *later*, when a worker is
free; decided once and on arrival, the first of a rung would have nobody to beat, so at least one goes on. Ray's
`ASHAScheduler` compares with the (1 - 1/eta) percentile, interpolated, of the values that came *before* (a first
arrival is never compared) and lets every NaN pass.

Promotion (``promote=true``), the paper's rule: a trial pauses at a rung unless it is among the best floor(n / eta) at
that moment, and `promotable` names the paused one that has come to be among them since, from the highest rung down.

A trial that reaches a rung without any measured value there goes on and takes no place: nothing is known against it.
One that measured NaN or infinity is stopped at its next rung, in both modes, and never takes a place.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sweeps.runner.schedulers.brackets import Bracket, bracket_of
from sweeps.runner.schedulers.rivals import Rivals, Rung
from sweeps.runner.schedulers.rule import Action, Curve, Decision, Race
from sweeps.runner.schedulers.rungs import cost, cost_at, diverged, reached, value_at

Curves = Mapping[str, Curve]
Brackets = Sequence[Bracket]


def decide_at_rungs(trial: str, curves: Curves, race: Race, brackets: Brackets) -> list[Decision]:
    """Decisions at the rungs newly reached, lowest first, up to the first that ends the trial."""
    curve = curves[trial]
    number = bracket_of(trial, brackets, race)
    decisions: list[Decision] = []
    for level in brackets[number]:
        if not curve.alive or level in curve.decided or not reached(curve, level):
            continue
        held = _Bracket(Rivals.of(curves), race, brackets, number).held(level)
        decisions.append(_decide(trial, level, number, held, curve, race))
        if decisions[-1].action != Action.CONTINUE:
            break
    return decisions


def _decide(trial: str, level: int, bracket: int, held: Rung, curve: Curve, race: Race) -> Decision:
    if diverged(curve):
        return Decision(Action.STOP, level, bracket=bracket)
    if trial not in held:
        return Decision(Action.CONTINUE, level, bracket=bracket)
    places = _places(len(held), race, at_least=0 if race.settings.promote else 1)
    stays = held.place(trial) < places
    cutoff = cost(held.worth(places - 1), race) if places else None
    action = Action.CONTINUE if stays else Action.PAUSE if race.settings.promote else Action.STOP
    return Decision(action, level, value_at(curve, level), cutoff, bracket)


def _places(candidates: int, race: Race, at_least: int) -> int:
    return max(at_least, math.floor(candidates / race.settings.reduction_factor + 1e-9))


def promotable(curves: Curves, race: Race, brackets: Brackets, *, exhausted: bool) -> str | None:
    """The paused trial to continue: of the highest rung that has one, the best, equal values by name.

    A trial stands at the highest rung it was decided on, so it is promoted from each at most once. With `exhausted` a
    rung that no running trial can still reach promotes its best even when it holds fewer than eta trials: the paper
    would start new ones, and without any the race would end with nobody at the finish.
    """
    if not race.settings.promote:
        return None
    rivals = Rivals.of(curves)
    for final in (False, True) if exhausted else (False,):
        for level in sorted({level for bracket in brackets for level in bracket}, reverse=True):
            racing = (_Bracket(rivals, race, brackets, number) for number in range(len(brackets)) if level in brackets[number])
            if candidates := [found for bracket in racing if (found := bracket.first_paused(level, final=final))]:
                return min(candidates)[1]
    return None


@dataclass(frozen=True)
class _Bracket:
    """The trials of one bracket at its rungs."""

    rivals: Rivals
    race: Race
    brackets: Brackets
    number: int

    def held(self, level: int) -> Rung:
        return self._rung("held", level, lambda curve: cost_at(curve, level, self.race))

    def first_paused(self, level: int, *, final: bool) -> tuple[float, str] | None:
        """(cost, name) of the best trial that waits here, if it may go on."""
        paused = self._rung("paused", level, lambda curve: cost_at(curve, level, self.race) if _waits(curve, level) else None)
        if not len(paused) or (final and len(self._rung("coming", level, lambda curve: 0.0 if _still_comes(curve, level) else None))):
            return None
        held = self.held(level)
        may_go_on = held.place(paused.name(0)) < _places(len(held), self.race, at_least=int(final))
        return (paused.worth(0), paused.name(0)) if may_go_on else None

    def _rung(self, kind: str, level: int, worth: Callable[[Curve], float | None]) -> Rung:
        def within(trial: str, curve: Curve) -> float | None:
            return worth(curve) if bracket_of(trial, self.brackets, self.race) == self.number else None

        return self.rivals.rung((kind, level, self.number), within)


def _waits(curve: Curve, level: int) -> bool:
    return curve.paused and not curve.ended and max(curve.decided, default=None) == level


def _still_comes(curve: Curve, level: int) -> bool:
    return curve.alive and not curve.ended and not curve.paused and not reached(curve, level)
