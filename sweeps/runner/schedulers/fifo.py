"""First in, first out: every trial runs to its end."""

from collections.abc import Mapping

from sweeps.runner.schedulers.rule import Curve, Decision, Race, Rule


class Fifo(Rule):
    def decide(self, trial: str, curves: Mapping[str, Curve], race: Race) -> list[Decision]:
        del trial, curves, race
        return []

    def levels(self, race: Race) -> list[int]:
        del race
        return []
