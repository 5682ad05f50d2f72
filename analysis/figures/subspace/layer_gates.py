"""Learned gates by depth: for each budget and seed, the share of every layer's subspace that went to B."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from analysis.columns import CONFIG_PREFIX, Row
from analysis.figures.cell_values import Spread
from analysis.figures.subspace.points import ALLOCATION, BUDGET, LEARNED
from analysis.gates import gates_in
from analysis.study import Study
from trainable.spec.status import Status


@dataclass(frozen=True)
class RunGates:
    """One run: gate by layer (the mean, where a layer has several), and those of groups outside the layers, by name."""

    budget: int
    seed: int
    layers: Mapping[int, float]
    outside: Mapping[str, float]


def learned_runs(study: Study) -> list[tuple[int, int, str]]:
    """(budget, seed, trial) of the completed runs with learned allocation, in this order."""
    runs = []
    for row in study.rows:
        shared = study.statement.base_config.get("adapter", {})
        allocation = row.get(CONFIG_PREFIX + ALLOCATION, shared.get("allocation"))
        budget = row.get(CONFIG_PREFIX + BUDGET, shared.get("intrinsic_dim"))
        if allocation == LEARNED and budget is not None and row["status"] == Status.COMPLETED:
            runs.append((int(budget), row["seed"], row["trial"]))
    return sorted(runs)


def run_gates(study: Study) -> list[RunGates]:
    """The gates of those runs that have some, by budget and seed, from ``gates.parquet``."""
    by_trial: dict[str, list[Row]] = {}
    for row in gates_in(study.metrics.parent):
        by_trial.setdefault(row["trial"], []).append(row)
    return [_gates(budget, seed, by_trial[trial]) for budget, seed, trial in learned_runs(study) if trial in by_trial]


def _gates(budget: int, seed: int, found: Sequence[Row]) -> RunGates:
    by_layer: dict[int, list[float]] = {}
    for row in found:
        if row["layer"] is not None:
            by_layer.setdefault(row["layer"], []).append(row["gate"])
    outside = {row["group"]: row["gate"] for row in found if row["layer"] is None}
    return RunGates(budget, seed, {layer: fmean(gates) for layer, gates in sorted(by_layer.items())}, outside)


def over_seeds(runs: Sequence[RunGates]) -> dict[int, Spread]:
    """Every layer's gates over the runs, by depth."""
    layers = sorted({layer for run in runs for layer in run.layers})
    return {layer: Spread(tuple(run.layers[layer] for run in runs if layer in run.layers)) for layer in layers}


def outside_over_seeds(runs: Sequence[RunGates]) -> dict[str, Spread]:
    """The gates of every group outside the layers over the runs, by name."""
    groups = sorted({group for run in runs for group in run.outside})
    return {group: Spread(tuple(run.outside[group] for run in runs if group in run.outside)) for group in groups}


def remarks(study: Study) -> list[str]:
    """Which learned runs have no gates, and where one seed alone stands for a budget; one sentence each."""
    known = {(run.budget, run.seed) for run in run_gates(study)}
    said = []
    for budget in sorted({budget for budget, _, _ in learned_runs(study)}):
        seeds = [seed for d, seed, _ in learned_runs(study) if d == budget]
        if without := [seed for seed in seeds if (budget, seed) not in known]:
            said.append(f"d = {budget}: no gates of seeds {', '.join(map(str, without))}.")
        if len(seeds) - len(without) == 1:
            said.append(f"d = {budget}: one seed only, hence no deviation.")
    return said
