"""A tally that followed every event tells what one tells that is made from the whole ledger, in every order of events."""

from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ray import tune

from sweeps.runner import conductor
from sweeps.runner.blueprint import Blueprint, draw_up
from sweeps.runner.plan import Action, Finished, Limits, next_action
from sweeps.runner.schedulers.rivals import Rivals
from sweeps.runner.schedulers.rule import Curve, Decision, Race, Rule
from sweeps.runner.sweep import Sweep
from sweeps.runner.tally import Tally
from tests.sweeps.miniature import Fate, Miniature
from trainable.spec.statement import Claim

RATES, DECAYS = [1e-4, 1e-3, 1e-2, 1e-1], [0.0, 0.1]
SCHEDULES = {
    "fifo": ["scheduler=fifo"],
    "asha": ["scheduler=asha"],
    "promotion": ["scheduler=asha", "scheduler.promote=true"],
    "hyperband, promoting": ["scheduler=hyperband", "scheduler.promote=true"],
    "a race for each decay": ["scheduler=asha", "scheduler.promote=true", "explore.per=optimizer.weight_decay"],
    "median": ["scheduler=median", "scheduler.min_samples=1"],
    "pbt": ["scheduler=pbt", "scheduler.perturbation_steps=4"],
    "pbt that moves between races": ["scheduler=pbt", "scheduler.perturbation_steps=4", "explore.per=optimizer.weight_decay"],
    "a whole grid": ["explore.enabled=false"],
}
fates = st.dictionaries(
    st.sampled_from(RATES),
    st.builds(Fate, diverges_after=st.integers(0, 15)) | st.builds(Fate, memory_for=st.sampled_from([1, 2])),
    max_size=2,
)


@pytest.fixture(scope="module")
def blueprints(corpus_file: Path) -> dict[str, Blueprint]:
    space = {"optimizer.lr": tune.grid_search(RATES), "optimizer.weight_decay": tune.grid_search(DECAYS)}
    base = ["model=micro", "data=text", f"data.path={corpus_file}", "training.max_steps=16", "training.eval_interval=4"]
    sweep = Sweep("tally", "It agrees.", space, {"optimizer.lr": 1e-3, "optimizer.weight_decay": 0.1}, [Claim("better", 0.0)], base=base)
    common = ["training.batch_size=4", "scheduler.grace_steps=4", "scheduler.reduction_factor=2", "sweep.seeds=[1,2]"]
    return {name: draw_up(sweep, [*common, *more]) for name, more in SCHEDULES.items()}


class Compared(Rule):
    """A rule that is asked twice: with the race as it was kept, and with one made from its curves."""

    def __init__(self, rule: Rule, live: Tally) -> None:
        self.rule, self.live = rule, live

    def decide(self, trial: str, curves: Rivals, race: Race) -> list[Decision]:
        anew = made_anew(self.live).rivals_of(self.live.state.trials[trial])
        assert plain(curves) == plain(anew)
        decisions = self.rule.decide(trial, curves, race)
        assert decisions == self.rule.decide(trial, anew, race)
        return decisions

    def promote(self, curves: Rivals, race: Race, *, exhausted: bool) -> str | None:
        return self.rule.promote(curves, race, exhausted=exhausted)

    def levels(self, race: Race) -> list[int]:
        return self.rule.levels(race)


def plain(curves: Rivals) -> dict[str, tuple]:
    def fields(curve: Curve) -> tuple:
        return tuple(curve.points), curve.alive, curve.decided, curve.values, curve.ended, curve.paused

    return {name: fields(curve) for name, curve in curves.items()}


def made_anew(live: Tally) -> Tally:
    anew = Tally(live.blueprint, live.state, live.retry)
    if live.retried:
        anew.retried |= live.retried
        anew.recount()
    return anew


def compared_action(live: Tally, rule: Rule, limits: Limits) -> Action:
    anew = made_anew(live)
    assert [plain(race) for race in live.races if race] == [plain(race) for race in anew.races]
    for name in ("running", "exploring", "run_ids", "again", "undone", "free_slot"):
        assert getattr(live, name) == getattr(anew, name), name
    assert list(live.undone) == list(anew.undone)
    assert live.busy_seconds == pytest.approx(anew.busy_seconds)
    inner = rule.rule if isinstance(rule, Compared) else rule
    action = next_action(live, inner, limits)
    assert action == next_action(anew, inner, limits)
    return action


@pytest.mark.parametrize("schedule", SCHEDULES)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fates=fates, choices=st.lists(st.integers(0, 99), max_size=40), lives=st.lists(st.integers(3, 40), max_size=3), slots=st.integers(1, 4)
)
def test_every_decision_is_that_of_a_replay(blueprints, tmp_path, schedule, fates, choices, lives, slots):
    sweep = Miniature(blueprints[schedule], tmp_path, fates, slots)
    begin = conductor.Conductor.__init__

    def compared(self, *given, **named):
        begin(self, *given, **named)
        self.rule = Compared(self.rule, self.tally)

    with patch.object(conductor.Conductor, "__init__", compared), patch.object(conductor, "next_action", compared_action):
        for number in lives:
            sweep.drive(choices[number % 5 :: 2], lives=number)
        assert sweep.drive(choices) == Finished()
