"""A sweep without training: learning curves are given, a rule decides, and everything it decided is kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st

from sweeps.runner.schedulers.rule import Action, Curve, Decision, Race, Rule
from sweeps.runner.settings import SchedulerSection

Table = Mapping[str, Mapping[int, float | None]]


def race(max_steps: int = 90, eval_interval: int = 10, *, higher_is_better: bool = False, **settings: object) -> Race:
    section = replace(SchedulerSection(), **{"grace_steps": 10, **settings})
    return Race(section, max_steps, eval_interval, higher_is_better)


@dataclass
class Replay:
    """Carries the decisions out like the driver does; `log` holds (trial, decision) in the order they were taken."""

    rule: Rule
    race: Race
    table: Table
    curves: dict[str, Curve] = field(default_factory=dict)
    log: list[tuple[str, Decision]] = field(default_factory=list)

    def evaluate(self, trial: str, step: int) -> list[Decision]:
        """Nothing happens to a trial that no longer runs."""
        curve = self.curves.get(trial, Curve(()))
        if curve.ended or curve.paused:
            return []
        self.curves[trial] = curve = replace(curve, points=(*curve.points, (step, self.table[trial][step])))
        decisions = self.rule.decide(trial, self.curves, self.race)
        decided = {**curve.decided, **{d.level: d.action for d in decisions if d.level is not None}}
        last = decisions[-1].action if decisions else Action.CONTINUE
        self.curves[trial] = replace(
            curve, decided=decided, ended=last == Action.STOP or step >= self.race.max_steps, paused=last == Action.PAUSE
        )
        self.log += [(trial, decision) for decision in decisions]
        return decisions

    def run(self, order: Iterable[tuple[str, int]]) -> list[tuple[str, int | None, Action]]:
        for trial, step in order:
            self.evaluate(trial, step)
        return self.decided()

    def decided(self) -> list[tuple[str, int | None, Action]]:
        return [(trial, decision.level, decision.action) for trial, decision in self.log]


def arrivals(table: Table, turns: Sequence[int]) -> list[tuple[str, int]]:
    """An interleaving of the trials' evaluations: `turns` says whose next one comes, what is left follows trial by trial."""
    waiting = {trial: [(trial, step) for step in sorted(steps)] for trial, steps in table.items()}
    order = []
    for turn in turns:
        left = [trial for trial, events in waiting.items() if events]
        if left:
            order.append(waiting[left[turn % len(left)]].pop(0))
    return order + [event for events in waiting.values() for event in events]


def tables(steps: Iterable[int], values: st.SearchStrategy[float | None], max_trials: int = 12) -> st.SearchStrategy[Table]:
    """Tables of learning curves, every trial evaluated at all of `steps`."""
    curve = st.fixed_dictionaries(dict.fromkeys(steps, values))
    return st.lists(curve, min_size=1, max_size=max_trials).map(lambda rows: {f"t{i:02d}": row for i, row in enumerate(rows)})


# No deadline: other work on the machine is no fault of a rule.
EXAMPLES = settings(max_examples=60, deadline=None)
# Few different values, so that ties are common.
LOSSES = st.integers(0, 6).map(float)
NOT_FINITE = st.sampled_from([float("nan"), float("inf"), float("-inf")])
BROKEN = NOT_FINITE | st.none()
TURNS = st.lists(st.integers(0, 1000), max_size=60)
