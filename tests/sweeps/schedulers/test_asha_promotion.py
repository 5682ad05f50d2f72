from hypothesis import given
from hypothesis import strategies as st
from paper_asha import Reference
from racing import EXAMPLES, LOSSES, Replay, race, tables

from sweeps.runner.schedulers.asha import Asha
from sweeps.runner.schedulers.rule import Action, Curve

STEPS = range(10, 91, 10)
CONTINUE, STOP, PAUSE = Action.CONTINUE, Action.STOP, Action.PAUSE


@EXAMPLES
@given(tables(STEPS, LOSSES), st.lists(st.integers(0, 1000), max_size=200), st.integers(1, 4), st.sampled_from([2.0, 3.0]))
def test_promotion_gives_the_jobs_of_algorithm_2(table, turns, workers, eta):
    """Workers ask for a job when theirs ends; which one ends next is arbitrary."""
    setting = race(reduction_factor=eta, promote=True)
    replay, reference = Replay(Asha(), setting, table), Reference(Asha().levels(setting), eta, promote=True)
    new, busy, jobs, expected = list(table), [], [], []
    for turn in turns:
        while len(busy) < workers:
            promoted, job = reference.get_job(), Asha().promote(replay.curves, setting, exhausted=False)
            expected.append(promoted)
            jobs.append(job)
            if job is None and not new:
                break
            if job is not None:
                replay.curves[job] = _resumed(replay.curves[job])
            busy.append(job or new.pop(0))
        assert jobs == expected
        if busy:
            trial = busy[turn % len(busy)]
            step = (replay.curves[trial].points[-1][0] if trial in replay.curves else 0) + 10
            replay.evaluate(trial, step)
            action = reference.arrive(trial, step, table[trial][step])
            if action != CONTINUE or step == 90:
                busy.remove(trial)
    assert replay.decided() == reference.log


def _resumed(curve):
    return Curve(curve.points, curve.alive, curve.decided)


def test_a_race_that_is_exhausted_ends_with_somebody_at_the_finish():
    """Two trials at eta = 3: a third of two is nobody, and no third will come."""
    setting, table = race(promote=True), {"a": dict.fromkeys(STEPS, 1.0), "b": dict.fromkeys(STEPS, 2.0)}
    replay = Replay(Asha(), setting, table)
    replay.run([("a", 10), ("b", 10)])
    assert Asha().promote(replay.curves, setting, exhausted=False) is None
    assert Asha().promote(replay.curves, setting, exhausted=True) == "a"
    replay.curves["a"] = _resumed(replay.curves["a"])
    assert Asha().promote(replay.curves, setting, exhausted=True) is None
    replay.run([("a", 20), ("a", 30)])
    assert Asha().promote(replay.curves, setting, exhausted=True) == "a"


def test_an_exhausted_race_waits_for_a_trial_that_still_comes():
    setting, table = race(promote=True), {name: dict.fromkeys(STEPS, loss) for name, loss in [("a", 2.0), ("b", 1.0)]}
    replay = Replay(Asha(), setting, table)
    replay.run([("a", 10)])
    replay.curves["b"] = Curve(((5, 1.0),))
    assert Asha().promote(replay.curves, setting, exhausted=True) is None
    replay.run([("b", 10)])
    assert Asha().promote(replay.curves, setting, exhausted=True) == "b"


def test_promotion_prefers_the_highest_rung_and_then_the_name():
    paused = {10: PAUSE}
    curves = {f"t{i}": Curve(((10, 1.0),), decided=paused, paused=True) for i in range(9)}
    curves |= {f"u{i}": Curve(((10, 0.0), (30, 5.0)), decided={10: CONTINUE, 30: PAUSE}, paused=True) for i in (2, 1, 0)}
    assert Asha().promote(curves, race(promote=True), exhausted=False) == "u0"
    curves["u0"] = _resumed(curves["u0"])
    assert Asha().promote(curves, race(promote=True), exhausted=False) == "t0"


def test_a_trial_that_diverged_while_paused_is_not_promoted():
    curves = {f"t{i}": Curve(((10, float(i)),), decided={10: PAUSE}, paused=True) for i in range(6)}
    curves["t0"] = Curve(((10, 0.0),), alive=False, decided={10: PAUSE}, paused=True)
    assert Asha().promote(curves, race(promote=True), exhausted=False) == "t1"
