import math
from datetime import UTC, datetime

import pytest
from optuna.trial import TrialState
from ray import tune

from sweeps.runner.searchers.observation import Observation, observe
from sweeps.runner.searchers.optuna_trials import as_trial, is_infeasible
from sweeps.runner.searchers.parameters import parameters
from trainable.spec.ledger import TrialRecord
from trainable.spec.status import Status

SPACE = parameters({"lr": tune.loguniform(1e-4, 1.0), "opt": tune.grid_search(["a", "b"])})
VALUES = {"lr": 0.01, "opt": "a"}
CURVE = {10: (3.0,), 20: (None,), 30: (2.0,)}


def told(status, evaluations=CURVE, values=VALUES, objectives=1):
    return as_trial(Observation("t", values, status, evaluations), SPACE, objectives)


def test_completed_is_complete_with_its_last_value():
    trial = told(Status.COMPLETED)
    assert (trial.state, trial.values, trial.intermediate_values) == (TrialState.COMPLETE, [2.0], {10: 3.0, 30: 2.0})
    assert trial.params == {"lr": 0.01, "opt": "a"}
    assert trial.user_attrs == {"trial": "t", "status": "completed"}


@pytest.mark.parametrize("evaluations", [{}, {10: (1.0,), 20: (None,)}, {10: (math.nan,)}, {10: (math.inf,)}])
def test_completed_without_a_finite_last_value_has_none(evaluations):
    trial = told(Status.COMPLETED, evaluations)
    assert (trial.state, trial.values) == (TrialState.FAIL, None)


def test_stopped_early_is_pruned_with_its_values_at_their_steps():
    trial = told(Status.STOPPED_EARLY)
    assert (trial.state, trial.values, trial.intermediate_values) == (TrialState.PRUNED, None, {10: 3.0, 30: 2.0})
    assert not is_infeasible(trial)


@pytest.mark.parametrize("status", [Status.DIVERGED, Status.OUT_OF_MEMORY])
def test_diverged_and_out_of_memory_are_infeasible_and_have_no_value(status):
    trial = told(status, {10: (3.0,), 20: (math.nan,)})
    assert (trial.state, trial.values, trial.intermediate_values) == (TrialState.PRUNED, None, {10: 3.0})
    assert is_infeasible(trial)


def test_failed_has_no_value():
    trial = told(Status.FAILED)
    assert (trial.state, trial.values) == (TrialState.FAIL, None)


@pytest.mark.parametrize("status", ["running", "paused", "interrupted"])
def test_what_is_trained_on_runs(status):
    record = TrialRecord("t", "explore", "c", 0, VALUES, [], "r", status=status, ended="2026-01-01T00:00:00+00:00")
    trial = as_trial(observe(record, ["eval/loss"]), SPACE, 1)
    assert (trial.state, trial.datetime_complete) == (TrialState.RUNNING, None)


def test_with_several_objectives_all_must_be_finite_and_no_value_stands_at_a_step():
    both = told(Status.COMPLETED, {10: (3.0, 1.0)}, objectives=2)
    assert (both.state, both.values, both.intermediate_values) == (TrialState.COMPLETE, [3.0, 1.0], {})
    assert told(Status.COMPLETED, {10: (3.0, None)}, objectives=2).state == TrialState.FAIL
    assert told(Status.STOPPED_EARLY, {10: (3.0, 1.0)}, objectives=2).intermediate_values == {}


@pytest.mark.parametrize("values", [{"lr": 0.01}, {"lr": 2.0, "opt": "a"}, {"lr": 0.01, "opt": "c"}, {"lr": "x", "opt": "a"}])
def test_outside_the_space_a_trial_is_not_told(values):
    assert told(Status.COMPLETED, values=values) is None


def test_a_record_is_seen_with_the_values_it_was_drawn_with_and_its_times():
    record = TrialRecord("t", "explore", "c", 0, {"lr": 0.5, "opt": "a"}, [], "r", status="completed")
    record.started, record.ended = "2026-01-01T00:00:00+00:00", "2026-01-01T01:00:00+00:00"
    record.evaluations = {10: {"eval/loss": 2.0, "memory/peak_gb": 1.0}}
    seen = observe(record, ["memory/peak_gb", "eval/loss"], VALUES)
    assert (seen.values, seen.evaluations) == (VALUES, {10: (1.0, 2.0)})
    trial = as_trial(seen, SPACE, 2)
    assert (trial.datetime_start, trial.datetime_complete) == (datetime(2026, 1, 1, 0, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=UTC))
