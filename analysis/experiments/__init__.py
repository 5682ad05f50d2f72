"""Experiments by hand, from Python: flat logs through `ExperimentAnalyzer`, run directories through `load_experiment` and its like."""

from analysis.experiments.analyzer import ExperimentAnalyzer
from analysis.experiments.run_dirs import aggregate, compare_experiments, load_experiment

__all__ = ["ExperimentAnalyzer", "aggregate", "compare_experiments", "load_experiment"]
