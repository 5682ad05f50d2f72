"""The tree-structured Parzen estimator (Bergstra et al. 2011; Watanabe 2023), given the slot's grid values.

Optuna's `PartialFixedSampler` leaves fixed keys out of the model, which then averages over them: every optimizer would
be proposed the same learning rate. Here they stay in, and candidates are drawn from l(x | fixed) instead of l(x): the
components of the mixture are weighed by how likely each makes the fixed values. What is maximised over the candidates,
l(x, fixed) / g(x, fixed), differs from l(x | fixed) / g(x | fixed) by a factor that does not depend on x.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import TPESampler
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator
from optuna.samplers._tpe.sampler import default_gamma
from optuna.study import Study
from optuna.trial import FrozenTrial

from sweeps.runner.searchers.optuna_trials import is_feasible
from sweeps.runner.searchers.study import common_space


def tpe_sampler(seed: int, fixed: Mapping[str, Any], shown: Sequence[FrozenTrial]) -> TPESampler:
    """A sampler for one suggestion. `fixed` are the encoded values of the categorical grid keys, `shown` the study's trials.

    Optuna fills up the good tenth of the trials with infeasible ones where there are too few others; here they are
    never good, or a sweep that mostly diverges would be drawn to where it does.
    """
    most = default_gamma(len(shown))
    feasible = len(list(islice(filter(is_feasible, shown), most)))
    # Optuna models several objectives key by key, which could not be conditioned on the fixed ones.
    sampler = _Sampler(seed=seed, n_startup_trials=1, multivariate=True if fixed else None)
    sampler._gamma = lambda finished: min(default_gamma(finished), feasible)
    if fixed:
        sampler._parzen_estimator_cls = _given(fixed)
    return sampler


class _Sampler(TPESampler):
    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        del trial
        return common_space(study) if self._is_multivariate(study) else {}


def _given(fixed: Mapping[str, Any]) -> type:
    class Given(_ParzenEstimator):
        """Draws with the keys in `fixed` held at their values."""

        def sample(self, rng: np.random.RandomState, size: int) -> dict[str, np.ndarray]:
            mixture, weights = self._mixture_distribution, self._mixture_distribution.weights
            held = {key: _index(self._search_space[key], fixed[key]) for key in fixed if key in self._search_space}
            for column, key in enumerate(self._search_space):
                if key in held:
                    weights = weights * mixture.distributions[column].weights[:, held[key]]
            drawn = mixture._replace(weights=weights / weights.sum()).sample(rng, size)
            return {**self._untransform(drawn), **{key: np.full(size, float(index)) for key, index in held.items()}}

    return Given


def _index(distribution: CategoricalDistribution, value: Any) -> int:
    return int(distribution.to_internal_repr(value))
