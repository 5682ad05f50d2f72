"""Bayesian optimisation with a Gaussian process (Optuna's `GPSampler`, log expected improvement), given the slot's grid values.

The grid keys are inputs of the process like the others; the acquisition function is maximised with them held fixed.
The process learns from complete trials only: stopped ones have no final value, and their truncated one is not it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna._gp.search_space import SearchSpace
from optuna.samplers import GPSampler, RandomSampler


class GivenGPSampler(GPSampler):
    """Optuna's sampler with the keys in `fixed` (encoded, categorical) held at their values."""

    def __init__(self, seed: int, fixed: Mapping[str, Any]) -> None:
        super().__init__(seed=seed, n_startup_trials=1, independent_sampler=RandomSampler(seed=seed), warn_independent_sampling=False)
        self._fixed = fixed

    def _optimize_acqf(self, acqf: Any, best_params: Any) -> Any:
        """Optuna's hook for other optimisers of the acquisition function."""
        inputs = acqf.search_space._optuna_search_space
        pins = {column: inputs[key].to_internal_repr(self._fixed[key]) for column, key in enumerate(inputs) if key in self._fixed}
        acqf.search_space = _Pinned(inputs, pins)
        if best_params is not None:
            best_params = best_params.copy()
            for column, value in pins.items():
                best_params[:, column] = value
        return super()._optimize_acqf(acqf, best_params)


class _Pinned(SearchSpace):
    """Starts every search at the pinned columns' values, and offers no other."""

    def __init__(self, inputs: Mapping[str, Any], pins: Mapping[int, float]) -> None:
        super().__init__(inputs)
        self._pins = pins

    def sample_normalized_params(self, n: int, rng: np.random.RandomState | None) -> np.ndarray:
        drawn: np.ndarray = super().sample_normalized_params(n, rng)
        for column, value in self._pins.items():
            drawn[:, column] = value
        return drawn

    def get_choices_of_discrete_params(self) -> list[np.ndarray]:
        choices = zip(self.discrete_indices, super().get_choices_of_discrete_params(), strict=True)
        return [np.array([self._pins[column]], dtype=float) if column in self._pins else values for column, values in choices]
