"""Rules of the searcher's settings: pure, each broken rule one sentence."""

from collections.abc import Iterator
from importlib.util import find_spec

from sweeps.runner.searchers.models import MODELS
from sweeps.runner.searchers.registry import SEARCHERS
from sweeps.runner.settings import Settings
from trainable.spec.mistakes import unknown

_STOPS_TRIALS = ("asha", "hyperband", "median")


def searcher_mistakes(settings: Settings) -> Iterator[str]:
    """Every broken rule of ``searcher.*`` and of what it has to do with metrics, scheduler and warm start."""
    name, metrics, model = settings.searcher.name, settings.sweep.metric, MODELS.get(settings.searcher.name)
    if name not in SEARCHERS:
        yield unknown("searcher", name, SEARCHERS)
    if settings.searcher.startup_trials < 1:
        yield f"searcher.startup_trials={settings.searcher.startup_trials} must be at least 1"
    if len(set(metrics)) != len(metrics):
        yield f"sweep.metric={list(metrics)} names a metric twice"
    if model is None and settings.explore.warm_start:
        yield f"explore.warm_start needs a searcher that learns ({', '.join(MODELS)}), but got searcher={name}"
    if model is not None and not model.several_metrics and len(metrics) > 1:
        yield f"searcher={name} follows one metric, but got sweep.metric={list(metrics)}; use searcher=optuna-tpe or optuna-gp"
    if model is not None and settings.scheduler.name == "pbt":
        yield f"searcher={name} learns what values a trial ends well with, but scheduler=pbt changes them on the way; use searcher=random"
    if name == "optuna-cmaes" and find_spec("cmaes") is None:
        yield "searcher=optuna-cmaes needs the package 'cmaes': pip install cmaes"


def searcher_remarks(settings: Settings) -> Iterator[str]:
    """What is allowed and seldom meant."""
    name, model = settings.searcher.name, MODELS.get(settings.searcher.name)
    if model is not None and not model.learns_from_stopped and settings.scheduler.name in _STOPS_TRIALS:
        yield (
            f"searcher={name} learns from completed trials only, and scheduler={settings.scheduler.name} stops most: "
            "searcher=optuna-tpe learns from stopped ones too, scheduler=fifo stops none"
        )
