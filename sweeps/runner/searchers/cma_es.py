"""CMA-ES (Hansen 2016, "The CMA Evolution Strategy: A Tutorial"), told the slot's grid point's complete trials anew each time.

Optuna's `CmaEsSampler` keeps the evolution strategy as a pickle among a study's attributes: it cannot be rebuilt from the
ledger, and we neither write nor read pickles. Here the strategy starts afresh at every suggestion and is told all complete
trials in the order they were drawn, a population at a time, so that it is a function of the trials alone. It moves in the
numeric keys; others are drawn at random. A trial that diverged or ran out of memory ranks last.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
from optuna._transform import _SearchSpaceTransform
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeps.runner.searchers.study import common_space

# Of the unit cube that the keys are scaled to, like Optuna's.
_START, _SIGMA = 0.5, 1 / 6


class ReplayedCmaEsSampler(BaseSampler):
    """One suggestion; `fixed` are the encoded values of the grid keys."""

    def __init__(self, seed: int, fixed: Mapping[str, Any]) -> None:
        self._seed, self._fixed, self._random = seed, fixed, RandomSampler(seed=seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        del trial
        return {key: d for key, d in common_space(study).items() if not isinstance(d, CategoricalDistribution)}

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        del trial
        if not search_space:
            return {}
        cube = _SearchSpaceTransform(search_space, transform_0_1=True)
        sign = 1.0 if study.direction == StudyDirection.MINIMIZE else -1.0
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        strategy = self._strategy(cube.bounds)
        told = [(cube.transform({key: t.params[key] for key in search_space}), sign * t.value) for t in complete]
        size = strategy.population_size
        for start in range(0, len(told) - size + 1, size):
            strategy.tell(told[start : start + size])
        return dict(cube.untransform(strategy.ask()))

    def _strategy(self, bounds: np.ndarray) -> Any:
        # An optional package of Optuna's: looked for when it is asked for.
        cma = import_module("cmaes").CMA
        keys = len(bounds)
        return cma(mean=np.full(keys, _START), sigma=_SIGMA, bounds=bounds, seed=self._seed, n_max_resampling=10 * keys)

    def sample_independent(self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution) -> Any:
        if param_name in self._fixed:
            return self._fixed[param_name]
        return self._random.sample_independent(study, trial, param_name, param_distribution)
