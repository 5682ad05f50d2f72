import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper_asha import Reference
from racing import BROKEN, EXAMPLES, LOSSES, NOT_FINITE, TURNS, Replay, arrivals, race, tables

from sweeps.runner.schedulers.asha import Asha
from sweeps.runner.schedulers.brackets import bracket_of
from sweeps.runner.schedulers.hyperband import Hyperband
from sweeps.runner.schedulers.rule import Action, Curve, Decision

STEPS = range(10, 91, 10)
CONTINUE, STOP, PAUSE = Action.CONTINUE, Action.STOP, Action.PAUSE


def run_reference(table, order, levels, eta):
    reference, stopped = Reference(levels, eta, promote=False), set()
    for trial, step in order:
        if trial not in stopped and reference.arrive(trial, step, table[trial][step]) == STOP:
            stopped.add(trial)
    return reference.log


@EXAMPLES
@given(tables(STEPS, LOSSES), TURNS, st.sampled_from([2.0, 3.0, 4.0]))
def test_stopping_decides_like_rungs_filled_on_arrival(table, turns, eta):
    order, setting = arrivals(table, turns), race(reduction_factor=eta)
    assert Replay(Asha(), setting, table).run(order) == run_reference(table, order, Asha().levels(setting), eta)


def test_the_first_of_a_rung_goes_on_and_equal_values_go_by_name():
    table = {name: dict.fromkeys(STEPS, 1.0) for name in "bac"}
    assert Replay(Asha(), race(), table).run([("b", 10), ("a", 10), ("c", 10)]) == [
        ("b", 10, CONTINUE),
        ("a", 10, CONTINUE),
        ("c", 10, STOP),
    ]


def test_a_decision_says_what_was_compared_with_what():
    curves = {f"t{i}": Curve(((10, float(i)),)) for i in range(6)}
    assert Asha().decide("t4", curves, race()) == [Decision(STOP, 10, 4.0, 1.0)]
    assert Asha().decide("t4", curves, race(higher_is_better=True)) == [Decision(CONTINUE, 10, 4.0, 4.0)]
    assert Asha().decide("t0", {"t0": curves["t0"]}, race(promote=True)) == [Decision(PAUSE, 10, 0.0, None)]


def test_a_late_value_does_not_enter_an_early_rung():
    """Reported at 10 and then at 50 only: the rung at 30 holds the value of step 10."""
    curves = {"late": Curve(((10, 5.0), (50, 0.0)), decided={10: CONTINUE}), "other": Curve(((10, 4.0), (30, 3.0)))}
    assert Asha().decide("late", curves, race()) == [Decision(STOP, 30, 5.0, 3.0)]


@pytest.mark.parametrize("promote", [False, True])
def test_nothing_measured_by_a_rung_goes_on_and_takes_no_place(promote):
    curves = {"silent": Curve(((10, None), (20, None))), "other": Curve(((10, 7.0),))}
    assert Asha().decide("silent", curves, race(promote=promote)) == [Decision(CONTINUE, 10)]
    assert Asha().decide("other", curves, race())[-1].action == CONTINUE


@pytest.mark.parametrize("promote", [False, True])
@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_never_passes_a_rung(broken, promote):
    assert Asha().decide("t", {"t": Curve(((10, broken),))}, race(promote=promote)) == [Decision(STOP, 10)]
    # Not even when a finite one follows.
    assert Asha().decide("t", {"t": Curve(((5, broken), (10, 1.0)))}, race(promote=promote)) == [Decision(STOP, 10)]


def test_a_dead_trial_is_not_decided_on():
    assert Asha().decide("t", {"t": Curve(((10, 1.0),), alive=False)}, race()) == []


def test_24_trials_of_which_two_diverge():
    """Stock Ray ran both NaN trials to the end and stopped 18 of 22 finite ones at the first rung."""
    good = {f"t{i:02d}": {step: 3 + i * 7 % 22 / 10 - step / 100 for step in STEPS} for i in range(22)}
    nan = {"a": dict.fromkeys(STEPS, math.nan), "z": {step: 0.5 if step < 10 else math.nan for step in [5, *STEPS]}}
    table = {**nan, **good}
    order = [(trial, step) for step in [5, *STEPS] for trial in table if step in table[trial]]
    decided = Replay(Asha(), race(), table).run(order)
    assert [d for d in decided if d[0] in nan] == [("a", 10, STOP), ("z", 10, STOP)]
    finite = [d for d in decided if d[0] in good]
    assert finite == Replay(Asha(), race(), good).run([event for event in order if event[0] in good])
    kept = {trial for trial, level, action in finite if level == 10 and action == CONTINUE}
    assert min(good, key=lambda trial: good[trial][10]) in kept


@EXAMPLES
@given(tables(STEPS, LOSSES), tables(STEPS, st.just(math.nan) | st.just(math.inf), 3), TURNS, st.booleans())
def test_diverged_trials_change_nothing_for_the_others(table, broken, turns, promote):
    broken = {f"x{name}": curve for name, curve in broken.items()}
    everyone, setting = {**table, **broken}, race(promote=promote)
    order = arrivals(everyone, turns)
    among = Replay(Asha(), setting, everyone).run(order)
    alone = Replay(Asha(), setting, table).run([event for event in order if event[0] in table])
    assert [decided for decided in among if decided[0] in table] == alone
    assert all(action == STOP for trial, _, action in among if trial in broken)


@pytest.mark.parametrize("rule", [Asha(), Hyperband()])
@EXAMPLES
@given(tables(STEPS, LOSSES), TURNS, st.randoms(use_true_random=False))
def test_decisions_do_not_depend_on_the_order_of_the_mapping(rule, table, turns, random):
    setting = race(brackets=2)
    replay = Replay(rule, setting, table)
    replay.run(arrivals(table, turns)[:40])
    names = list(replay.curves)
    random.shuffle(names)
    fresh = {name: Curve(curve.points) for name, curve in replay.curves.items()}
    for name in names:
        given_order = rule.decide(name, fresh, setting)
        assert given_order == rule.decide(name, {other: fresh[other] for other in names}, setting)


@pytest.mark.parametrize("rule", [Asha(), Hyperband()])
@EXAMPLES
@given(tables(STEPS, LOSSES | NOT_FINITE), tables(range(5, 90, 10), LOSSES), TURNS, st.booleans())
def test_reports_between_rungs_change_no_decision(rule, table, between, turns, promote):
    setting = race(promote=promote, brackets=2)
    dense = {trial: {**between.get(trial, {}), **steps} for trial, steps in table.items()}
    order, dense_order = arrivals(table, turns), []
    for trial, step in order:
        dense_order += [(trial, step - 5)] * (step - 5 in dense[trial]) + [(trial, step)]
    assert Replay(rule, setting, dense).run(dense_order) == Replay(rule, setting, table).run(order)


@pytest.mark.parametrize("rule", [Asha(), Hyperband()])
@EXAMPLES
@given(tables(STEPS, LOSSES | BROKEN), TURNS, st.booleans())
def test_no_level_is_decided_twice_and_none_off_the_rungs(rule, table, turns, promote):
    setting = race(promote=promote, brackets=2)
    replay = Replay(rule, setting, table)
    decided = [(trial, level) for trial, level, _ in replay.run(arrivals(table, turns))]
    assert len(decided) == len(set(decided))
    assert {level for _, level in decided} <= set(rule.levels(setting))
    for trial in replay.curves:
        if not replay.curves[trial].ended:
            assert rule.decide(trial, replay.curves, setting) == []


def test_brackets_start_later_and_race_among_themselves():
    setting = race(brackets=2)
    names = [f"t{i}" for i in range(40)]
    brackets = [[10, 30], [30]]
    late = [name for name in names if bracket_of(name, brackets, setting) == 1]
    table = {name: dict.fromkeys(STEPS, 1.0 if name in late else 0.0) for name in names}
    replay = Replay(Asha(), setting, table)
    decided = replay.run([(name, step) for step in STEPS for name in names])
    assert late
    assert {level for trial, level, _ in decided if trial in late} == {30}
    # Worse than everyone in the other bracket, they are decided as if there were no other.
    alone = Replay(Asha(), race(grace_steps=30), table).run([(name, step) for step in STEPS for name in late])
    assert [decision for decision in decided if decision[0] in late] == alone


def test_hyperband_has_a_bracket_that_never_stops():
    setting, names = race(), [f"t{i}" for i in range(60)]
    table = {name: dict.fromkeys(STEPS, float(i)) for i, name in enumerate(names)}
    decided = Replay(Hyperband(), setting, table).run([(name, step) for name in names for step in STEPS])
    free = {name for name in names if bracket_of(name, [[10, 30], [30], []], setting) == 2}
    assert free
    assert {name for name, _, _ in decided} == set(names) - free


class OnlyOwn(dict[str, Curve]):
    """Curves of which only one may be looked at."""

    def __getitem__(self, name: str) -> Curve:
        assert name == "a", "away from its rungs a trial is nobody's business but its own"
        return super().__getitem__(name)


@pytest.mark.parametrize("rule", [Asha(), Hyperband()])
def test_away_from_the_rungs_no_rival_is_looked_at(rule):
    """A report costs the same however many trials there are."""
    own, rival = Curve(((20, 1.0),), decided={10: CONTINUE}), Curve(((10, 2.0),))
    assert rule.decide("a", OnlyOwn(a=own, b=rival), race()) == []
