"""An Optuna study of trials that are there already: it holds them as they are, where `Study.add_trials` copies each deeply.

Optuna replaces a trial that it changes by a changed copy (`InMemoryStorage`), so that none of those it holds is altered.
"""

from collections.abc import Sequence
from copy import copy

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.study import Study
from optuna.trial import FrozenTrial


def study_of(trials: Sequence[FrozenTrial], directions: Sequence[str], sampler: BaseSampler) -> Study:
    """A study to be asked once."""
    storage = InMemoryStorage()
    study = optuna.create_study(storage=storage, sampler=sampler, directions=list(directions))
    storage._studies[study._study_id].trials.extend(numbered(trials))
    return study


def common_space(study: Study) -> dict[str, BaseDistribution]:
    """What every trial of a sweep's study has been drawn from, without what has one value only.

    All are told in terms of one space; Optuna would compare them with each other to find that out.
    """
    seen = study.get_trials(deepcopy=False)[0]
    return {key: distribution for key, distribution in sorted(seen.distributions.items()) if not distribution.single()}


def numbered(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials with their places as their numbers; those that have another are copied."""
    return [trial if trial.number == number else _with_number(trial, number) for number, trial in enumerate(trials)]


def _with_number(trial: FrozenTrial, number: int) -> FrozenTrial:
    renumbered = copy(trial)
    renumbered.number = number
    return renumbered
