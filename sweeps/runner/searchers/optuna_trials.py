"""Observations as Optuna's trials.

| a trial that                   | is told as                                                                          |
|--------------------------------|-------------------------------------------------------------------------------------|
| completed                      | COMPLETE with the objectives of its last evaluation; FAIL when one is not finite    |
| a scheduler stopped            | PRUNED with its values at their steps: a truncated loss is never compared as a final |
| diverged or ran out of memory  | PRUNED and infeasible (a constraint above 0), with the finite values it had         |
| failed                         | FAIL, which every sampler passes over; never a value                                |
| runs, waits, was interrupted   | RUNNING: samplers keep away from it                                                 |

Optuna refuses COMPLETE without a value, and a diverged trial has none to give; TPE asks for feasibility before it asks
for the state, so PRUNED invents nothing (`optuna.samplers._tpe.sampler._split_trials`). Optuna keeps intermediate
values of single-objective studies only: with several metrics a stopped trial counts as worse than every complete one.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeps.runner.searchers.observation import INFEASIBLE, Observation
from sweeps.runner.searchers.parameters import Parameter
from trainable.spec.status import Status

CONSTRAINT = "diverged_or_out_of_memory"
VIOLATED = 1.0


def as_trial(seen: Observation, known: Mapping[str, Parameter], objectives: int) -> FrozenTrial | None:
    """The observation in terms of the space as it is now; None when a key is missing or a value lies outside."""
    if not set(known) <= set(seen.values):
        return None
    state, values = _state(seen)
    try:
        trial = create_trial(
            state=state,
            values=values,
            params={key: parameter.encode(seen.values[key]) for key, parameter in known.items()},
            distributions={key: parameter.distribution for key, parameter in known.items()},
            user_attrs={"trial": seen.trial, "status": str(seen.status)},
            intermediate_values=seen.curve() if objectives == 1 else {},
            constraints={CONSTRAINT: VIOLATED} if seen.status in INFEASIBLE else None,
        )
    except (ValueError, TypeError):
        return None
    trial.datetime_start = seen.started
    trial.datetime_complete = (seen.ended or datetime.now(UTC)) if state.is_finished() else None
    return trial


def _state(seen: Observation) -> tuple[Any, list[float] | None]:
    if seen.status == Status.COMPLETED:
        final = seen.final()
        return (TrialState.FAIL, None) if final is None else (TrialState.COMPLETE, final)
    if seen.status == Status.STOPPED_EARLY or seen.status in INFEASIBLE:
        return TrialState.PRUNED, None
    return (TrialState.FAIL if seen.status == Status.FAILED else TrialState.RUNNING), None


def is_infeasible(trial: FrozenTrial) -> bool:
    # Constraints are system attributes, and reading them out takes longer than seeing that there are none.
    return bool(trial.system_attrs) and any(value > 0 for value in trial.constraints.values())


def is_feasible(trial: FrozenTrial) -> bool:
    """Whether it was completed, or stopped by a scheduler: something to learn from."""
    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED) and not is_infeasible(trial)
