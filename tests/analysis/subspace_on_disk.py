"""A SubLoRA study on disk for the tests: budgets, allocations and seeds with bounds and gates as a run leaves them."""

from pathlib import Path
from typing import Any

from sweep_on_disk import SweepBuilder, empty_sweep

from trainable.spec.atomic_write import write_json
from trainable.spec.status import Stage, Status

BUDGET, ALLOCATION, RATIO = "adapter.intrinsic_dim", "adapter.allocation", "adapter.allocation_ratio"
METHODS = [("uniform", None), ("fixed", 0.2), ("fixed", 0.5), ("fixed", 0.8), ("learned", None)]
SEEDS = (42, 123, 999)
LAYERS = 12


def method_values(budget: int, allocation: str, ratio: float | None) -> dict[str, Any]:
    return {BUDGET: budget, ALLOCATION: allocation, RATIO: ratio}


def empty_study(root: Path) -> SweepBuilder:
    """A study without runs: its baseline is the uniform allocation of 1000 dimensions."""
    study = empty_sweep(root)
    study.statement.name = "subspace_allocation"
    study.statement.varied = [BUDGET, ALLOCATION, RATIO]
    study.statement.baseline_values = method_values(1000, "uniform", None)
    study.statement.seeds = list(SEEDS)
    return study


def add_run(
    study: SweepBuilder,
    values: dict[str, Any],
    seed: int,
    bounds: dict[str, float] | None,
    gates: dict[str, float] | None = None,
    status: Status = Status.COMPLETED,
) -> str:
    """One confirmed run with its `bounds` (metric names without ``bounds/``) and `gates`."""
    measured = {f"bounds/{name}": value for name, value in (bounds or {}).items()}
    trial = study.trial(
        values, seed=seed, stage=Stage.CONFIRM, status=status, metrics={"eval/loss": 5.0, "memory/peak_gb": 0.5, **measured}
    )
    if gates is not None:
        write_json(study.run_dir(trial).path / "bounds_metrics.json", {**(bounds or {}), "gates": gates})
    return trial


def bounds_of(budget: int, place: int, seed: int) -> dict[str, float]:
    """Made-up bounds: risk falls with the budget and differs between the methods and a little between the seeds."""
    bits = 3.0 * budget + 20 * place + SEEDS.index(seed)
    risk = 11.0 - budget / 1000 * 0.3 + 0.15 * (place - 2) ** 2 / 4 + 0.02 * SEEDS.index(seed)
    bound = {"empirical_bpd": risk, "kl_divergence": 0.6931 * (bits + 7), "bound_value": risk + 0.4, "compressed_size_bits": bits}
    return {**bound, "vacuous": 0.0}


def gates_of(budget: int, seed: int) -> dict[str, float]:
    """Made-up gates that rise with depth."""
    rising = {str(layer): 0.3 + 0.04 * layer + 0.01 * SEEDS.index(seed) + budget / 50_000 for layer in range(LAYERS)}
    return {**rising, "head": 0.8}


def whole_study(root: Path) -> SweepBuilder:
    """All 30 runs of the study."""
    study = empty_study(root)
    for budget in (1000, 2000):
        for place, (allocation, ratio) in enumerate(METHODS):
            for seed in SEEDS:
                gates = gates_of(budget, seed) if allocation == "learned" else None
                add_run(study, method_values(budget, allocation, ratio), seed, bounds_of(budget, place, seed), gates)
    return study
