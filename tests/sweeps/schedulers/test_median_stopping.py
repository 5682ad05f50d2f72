import math
from statistics import mean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from racing import BROKEN, EXAMPLES, LOSSES, TURNS, Replay, arrivals, race, tables

from sweeps.runner.schedulers.median import MedianStopping
from sweeps.runner.schedulers.rule import Action, Curve, Decision

STEPS = range(10, 91, 10)
CONTINUE, STOP = Action.CONTINUE, Action.STOP


def reference(table, order, grace, min_samples):
    """Golovin et al. 2017, section 3.2.1, over what has been reported when a trial arrives."""
    reported, stopped, log = {}, set(), []
    for trial, step in order:
        if trial in stopped:
            continue
        reported.setdefault(trial, []).append(table[trial][step])
        if not grace <= step < 90:
            continue
        evaluations = step // 10
        averages = [mean(seen[:evaluations]) for other, seen in reported.items() if other != trial and len(seen) >= evaluations]
        if len(averages) >= min_samples and min(reported[trial]) > median(averages):
            stopped.add(trial)
        log.append((trial, step, STOP if trial in stopped else CONTINUE))
    return log


@EXAMPLES
@given(tables(STEPS, LOSSES), TURNS, st.sampled_from([10, 30]), st.integers(1, 4))
def test_decides_like_the_median_rule_of_vizier(table, turns, grace, min_samples):
    order, setting = arrivals(table, turns), race(grace_steps=grace, min_samples=min_samples)
    assert Replay(MedianStopping(), setting, table).run(order) == reference(table, order, grace, min_samples)


def test_compares_the_best_so_far_with_the_median_of_running_averages():
    curves = {f"t{i}": Curve(((10, 4.0 + i), (20, 2.0 + i))) for i in range(3)}
    curves["own"] = Curve(((10, 4.5), (20, 9.0)))
    decide = MedianStopping().decide
    assert decide("own", curves, race(grace_steps=20)) == [Decision(STOP, 20, 4.5, 4.0)]
    curves["own"] = Curve(((10, 4.0), (20, 9.0)))
    assert decide("own", curves, race(grace_steps=20)) == [Decision(CONTINUE, 20, 4.0, 4.0)]
    assert decide("own", curves, race(grace_steps=20, min_samples=4)) == [Decision(CONTINUE, 20, 4.0)]
    # Read as a reward, the best of 4 and 9 is 9.
    assert decide("own", curves, race(grace_steps=20, higher_is_better=True)) == [Decision(CONTINUE, 20, 9.0, 4.0)]


@EXAMPLES
@given(tables(STEPS, LOSSES), tables(STEPS, st.just(math.nan), 3), TURNS)
def test_diverged_trials_are_stopped_and_change_nothing(table, broken, turns):
    broken = {f"x{name}": curve for name, curve in broken.items()}
    order = arrivals({**table, **broken}, turns)
    among = Replay(MedianStopping(), race(), {**table, **broken}).run(order)
    assert [d for d in among if d[0] in table] == Replay(MedianStopping(), race(), table).run([e for e in order if e[0] in table])
    assert all(action == STOP for trial, _, action in among if trial in broken)


@EXAMPLES
@given(tables(STEPS, LOSSES), tables(range(5, 90, 10), LOSSES), TURNS)
def test_reports_between_due_evaluations_change_no_decision(table, between, turns):
    dense = {trial: {**between.get(trial, {}), **steps} for trial, steps in table.items()}
    order = arrivals(table, turns)
    dense_order = [e for trial, step in order for e in [(trial, step - 5)] * (step - 5 in dense[trial]) + [(trial, step)]]
    assert Replay(MedianStopping(), race(), dense).run(dense_order) == Replay(MedianStopping(), race(), table).run(order)


@EXAMPLES
@given(tables(STEPS, LOSSES | BROKEN), TURNS, st.randoms(use_true_random=False))
def test_equal_inputs_give_equal_decisions_in_any_order_of_the_mapping(table, turns, random):
    replay = Replay(MedianStopping(), race(), table)
    replay.run(arrivals(table, turns)[:40])
    names = list(replay.curves)
    random.shuffle(names)
    fresh = {name: Curve(curve.points) for name, curve in replay.curves.items()}
    for name in names:
        assert MedianStopping().decide(name, fresh, race()) == MedianStopping().decide(name, {n: fresh[n] for n in names}, race())


@pytest.mark.parametrize("points", [((10, None),), ()])
def test_without_a_measured_value_a_trial_goes_on(points):
    curves = {"own": Curve(points)} | {f"t{i}": Curve(((10, 1.0),)) for i in range(5)}
    assert [decision.action for decision in MedianStopping().decide("own", curves, race())] == [CONTINUE] * bool(points)
