"""The samplers of Optuna that a searcher may use: how one is made for a suggestion, and what it learns from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.samplers import BaseSampler

from sweeps.runner.searchers.cma_es import ReplayedCmaEsSampler
from sweeps.runner.searchers.gaussian_process import GivenGPSampler
from sweeps.runner.searchers.shown import Trials, complete_of_the_grid_point, complete_only, ranked_at_grid_points
from sweeps.runner.searchers.tpe import tpe_sampler


@dataclass(frozen=True)
class Model:
    """`learns_from` picks what the study is shown, given the encoded grid values and, by metric, whether less is better.

    `sampler` takes a seed, the grid values and what is shown; it is used once.
    """

    sampler: Callable[[int, Mapping[str, Any], Trials], BaseSampler]
    learns_from: Callable[[Trials, Mapping[str, Any], Sequence[bool]], Trials]
    learns_from_stopped: bool = False
    several_metrics: bool = True


def _gaussian_process(seed: int, fixed: Mapping[str, Any], shown: Trials) -> BaseSampler:
    del shown
    return GivenGPSampler(seed, fixed)


def _cma_es(seed: int, fixed: Mapping[str, Any], shown: Trials) -> BaseSampler:
    del shown
    return ReplayedCmaEsSampler(seed, fixed)


MODELS: dict[str, Model] = {
    "optuna-tpe": Model(tpe_sampler, ranked_at_grid_points, learns_from_stopped=True),
    "optuna-gp": Model(_gaussian_process, complete_only),
    "optuna-cmaes": Model(_cma_es, complete_of_the_grid_point, several_metrics=False),
}
