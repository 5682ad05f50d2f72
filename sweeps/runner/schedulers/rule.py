"""What a scheduler is here: a pure rule from learning curves to a decision."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sweeps.runner.settings import SchedulerSection


class Action(StrEnum):
    CONTINUE = "continue"
    STOP = "stop"
    PAUSE = "pause"
    EXPLOIT = "exploit"


@dataclass(frozen=True)
class Curve:
    """One trial's measured values by step, in order; None where a value is missing.

    `alive` is False once the trial diverged, failed or ran out of memory: it then holds no rung. `decided` are the
    levels (in steps) at which this trial was decided on before, with the action taken; they are never decided twice.
    `paused` is True while the trial waits to be promoted, `ended` once it will not be trained further.
    """

    points: Sequence[tuple[int, float | None]]
    alive: bool = True
    decided: Mapping[int, Action] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    ended: bool = False
    paused: bool = False


@dataclass(frozen=True)
class Decision:
    """`level` is the rung in steps (None: not at a rung), `value` what was compared, `cutoff` what it was compared with."""

    action: Action
    level: int | None = None
    value: float | None = None
    cutoff: float | None = None
    bracket: int = 0
    source: str | None = None
    new_values: Mapping[str, Any] | None = None

    def as_event(self) -> dict[str, Any]:
        """What the ledger keeps of it."""
        action = {"decision": str(self.action)}
        return {"level": self.level, "value": self.value, **action, "cutoff": self.cutoff, "bracket": self.bracket}


@dataclass(frozen=True)
class Race:
    """Everything a rule may look at: no clock, no arrival order, no random state."""

    settings: SchedulerSection
    max_steps: int
    eval_interval: int
    higher_is_better: bool = False


class Rule(ABC):
    """Decides on one trial after each of its evaluations. Equal inputs give equal decisions."""

    @abstractmethod
    def decide(self, trial: str, curves: Mapping[str, Curve], race: Race) -> list[Decision]:
        """Decisions for every level that `trial` has newly reached, lowest first; the last one is carried out.

        `curves` holds all trials of the stage, `trial` among them.
        """

    def promote(self, curves: Mapping[str, Curve], race: Race, *, exhausted: bool) -> str | None:
        """The paused trial to continue next; None when there is none. `exhausted`: no new trial will come."""
        del curves, race, exhausted
        return None

    @abstractmethod
    def levels(self, race: Race) -> list[int]:
        """The rungs, in steps, for the dry run and the live view."""
