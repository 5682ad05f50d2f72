"""Curves that grow with the ledger are those that are made from its records."""

from hypothesis import given
from hypothesis import strategies as st

from sweeps.runner.curves import Curves
from tests.sweeps.schedulers.racing import EXAMPLES
from trainable.spec.ledger import SweepState, apply, curve

TIME = "2026-01-01T00:00:00+00:00"


def started(*trials: str) -> SweepState:
    state = SweepState()
    for trial in trials:
        event = {"event": "trial_started", "time": TIME, "trial": trial, "stage": "explore", "cell": trial, "seed": 0, "values": {}}
        apply(state, {**event, "overrides": [], "run_id": trial, "attempt": 1})
    return state


@EXAMPLES
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 9), st.none() | st.floats(0, 1), st.booleans()), max_size=40))
def test_a_curve_has_every_evaluation_in_order_of_steps(reports):
    """Also of a step that is told after a later one."""
    state, curves = started("a", "b"), Curves("loss")
    for record in state.trials.values():
        curves.put(record, left_out=False)
    for trial, step, loss, looked in reports:
        record = state.trials[trial]
        if step in record.evaluations:
            continue
        apply(state, {"event": "evaluated", "time": TIME, "trial": trial, "step": step, "metrics": {"loss": loss}})
        curves.put(record, left_out=False)
        if looked:
            assert list(curves[trial].points) == list(curve(record, "loss"))


def test_who_is_left_out_keeps_its_values_and_waits_for_nothing():
    state, curves = started("a"), Curves("loss")
    apply(state, {"event": "evaluated", "time": TIME, "trial": "a", "step": 4, "metrics": {"loss": 1.0}})
    apply(state, {"event": "trial_ended", "time": TIME, "trial": "a", "attempt": 1, "status": "paused", "step": 4})
    for left_out in (False, True, False):
        curves.put(state.trials["a"], left_out=left_out)
        assert (curves["a"].paused, curves["a"].ended, curves["a"].alive) == (not left_out, left_out, True)
        assert list(curves["a"].points) == [(4, 1.0)]
