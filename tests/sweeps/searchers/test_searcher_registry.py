import importlib.util

import pytest
from ledgered import settings

from sweeps.runner.searchers.directions import direction, higher_is_better
from sweeps.runner.searchers.mistakes import searcher_mistakes, searcher_remarks
from sweeps.runner.searchers.registry import SEARCHERS
from trainable.spec.metric_names import METRICS


def changed(searcher, **sections):
    made = settings(searcher)
    for name, value in sections.items():
        section, _, key = name.partition("__")
        setattr(getattr(made, section), key, value)
    return made


def test_names():
    assert list(SEARCHERS) == ["grid", "random", "optuna-tpe", "optuna-gp", "optuna-cmaes"]


@pytest.mark.parametrize("name", ["grid", "random", "optuna-tpe", "optuna-gp"])
def test_defaults_have_no_mistakes(name):
    assert list(searcher_mistakes(settings(name))) == []


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("sweeps.runner.searchers.mistakes.find_spec", lambda name: None)
    assert list(searcher_mistakes(settings("optuna-cmaes"))) == ["searcher=optuna-cmaes needs the package 'cmaes': pip install cmaes"]


@pytest.mark.parametrize(
    ("setup", "sentence"),
    [
        (changed("optuna-tep"), "unknown searcher 'optuna-tep' (did you mean 'optuna-tpe'?)"),
        (changed("optuna-tpe", searcher__startup_trials=0), "searcher.startup_trials=0 must be at least 1"),
        (changed("random", sweep__metric=["eval/loss", "eval/loss"]), "sweep.metric=['eval/loss', 'eval/loss'] names a metric twice"),
        (
            changed("random", explore__warm_start=["x"]),
            "explore.warm_start needs a searcher that learns (optuna-tpe, optuna-gp, optuna-cmaes)",
        ),
        (
            changed("optuna-gp", scheduler__name="pbt"),
            "searcher=optuna-gp learns what values a trial ends well with, but scheduler=pbt changes",
        ),
    ],
)
def test_a_wrong_setting_is_named(setup, sentence):
    (mistake,) = searcher_mistakes(setup)
    assert mistake.startswith(sentence)


def test_an_evolution_strategy_follows_one_metric():
    mistakes = list(searcher_mistakes(changed("optuna-cmaes", sweep__metric=["eval/loss", "memory/peak_gb"])))
    assert mistakes[0].startswith("searcher=optuna-cmaes follows one metric, but got sweep.metric=['eval/loss', 'memory/peak_gb']")


@pytest.mark.parametrize(
    ("searcher", "scheduler", "remarks"),
    [("optuna-gp", "asha", 1), ("optuna-cmaes", "median", 1), ("optuna-gp", "fifo", 0), ("optuna-tpe", "asha", 0), ("random", "asha", 0)],
)
def test_a_model_of_completed_trials_and_a_scheduler_that_stops_them(searcher, scheduler, remarks):
    assert len(list(searcher_remarks(changed(searcher, scheduler__name=scheduler)))) == remarks


def test_directions():
    higher = {name for name in METRICS if higher_is_better(name)}
    assert higher == {"eval/tokens_per_sec", "time/tokens_per_sec"}
    assert (direction("memory/peak_gb"), direction("eval/tokens_per_sec")) == ("minimize", "maximize")
