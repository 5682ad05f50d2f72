"""The trials of one race in the order that they have at its rungs, kept up to date trial by trial.

A rule asks for a rung at every decision. Only the trials that changed since it was last asked for are looked at again, so that a
decision costs the same however many trials there are; what comes out equals a rung that is made anew.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterator, Mapping

from sweeps.runner.schedulers.rule import Curve

# What a trial is worth at a rung, lower is better; None while it holds no place there.
Worth = Callable[[str, Curve], float | None]


class Rung:
    """Trials with a place, best first, equal ones by name."""

    def __init__(self) -> None:
        self._order: list[tuple[float, str]] = []
        self._worth: dict[str, float] = {}

    def put(self, trial: str, worth: float | None) -> None:
        """None takes the trial away."""
        before = self._worth.get(trial)
        if worth == before:
            return
        if before is not None:
            del self._order[bisect_left(self._order, (before, trial))]
            del self._worth[trial]
        if worth is not None:
            insort(self._order, (worth, trial))
            self._worth[trial] = worth

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, trial: str) -> bool:
        return trial in self._worth

    def place(self, trial: str) -> int:
        """From 0, the best."""
        return bisect_left(self._order, (self._worth[trial], trial))

    def name(self, place: int) -> str:
        return self._order[place][1]

    def worth(self, place: int) -> float:
        return self._order[place][0]


class Rivals(Mapping[str, Curve]):
    """The curves of a race; who changes them says so with `changed`, who takes one away as well."""

    def __init__(self, curves: Mapping[str, Curve]) -> None:
        self._curves = curves
        self._changes = 0
        self._changed: dict[str, int] = {}
        self._rungs: dict[Hashable, tuple[Rung, int]] = {}

    @classmethod
    def of(cls, curves: Mapping[str, Curve]) -> "Rivals":
        return curves if isinstance(curves, cls) else cls(curves)

    def changed(self, trial: str) -> None:
        self._changes += 1
        self._changed.pop(trial, None)  # the newest change stands last
        self._changed[trial] = self._changes

    def rung(self, key: Hashable, worth: Worth) -> Rung:
        """The rung of that key, of all trials by their worth; a key stands for one `worth`."""
        rung, seen = self._rungs.get(key) or (Rung(), None)
        for trial in self._curves if seen is None else self._since(seen):
            rung.put(trial, worth(trial, self._curves[trial]) if trial in self._curves else None)
        self._rungs[key] = rung, self._changes
        return rung

    def _since(self, seen: int) -> Iterator[str]:
        for trial, change in reversed(self._changed.items()):
            if change <= seen:
                return
            yield trial

    def __getitem__(self, trial: str) -> Curve:
        return self._curves[trial]

    def __iter__(self) -> Iterator[str]:
        return iter(self._curves)

    def __len__(self) -> int:
        return len(self._curves)
