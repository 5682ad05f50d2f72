"""Learned gates by depth: for each budget and seed, the share of every layer's subspace that went to B."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from analysis.columns import CONFIG_PREFIX
from analysis.figures.cell_values import Spread
from analysis.figures.subspace.points import ALLOCATION, BUDGET, LEARNED
from analysis.gates import gates_in
from analysis.study import Study
from trainable.spec.status import Status


@dataclass(frozen=True)
class RunGates:
    """One run: gate by layer (the mean, where a layer has several), and that of everything outside the layers, None without."""

    budget: int
    seed: int
    layers: Mapping[int, float]
    misc: float | None


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
    by_trial: dict[str, list[tuple[int | None, float]]] = {}
    for row in gates_in(study.metrics.parent):
        by_trial.setdefault(row["trial"], []).append((row["layer"], row["gate"]))
    return [_gates(budget, seed, by_trial[trial]) for budget, seed, trial in learned_runs(study) if trial in by_trial]


def _gates(budget: int, seed: int, found: Sequence[tuple[int | None, float]]) -> RunGates:
    by_layer: dict[int, list[float]] = {}
    for layer, gate in found:
        if layer is not None:
            by_layer.setdefault(layer, []).append(gate)
    outside = [gate for layer, gate in found if layer is None]
    means = {layer: fmean(gates) for layer, gates in sorted(by_layer.items())}
    return RunGates(budget, seed, means, fmean(outside) if outside else None)


def over_seeds(runs: Sequence[RunGates]) -> dict[int, Spread]:
    """Every layer's gates over the runs, by depth."""
    layers = sorted({layer for run in runs for layer in run.layers})
    return {layer: Spread(tuple(run.layers[layer] for run in runs if layer in run.layers)) for layer in layers}


def misc_over_seeds(runs: Sequence[RunGates]) -> Spread | None:
    outside = tuple(run.misc for run in runs if run.misc is not None)
    return Spread(outside) if outside else None


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
