"""A run's human name, given once and kept in the ledger."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sweeps.runner.blueprint import Blueprint
from trainable.spec.experiment_id import ExperimentId, value_slug
from trainable.spec.run_dir import claim_run_name


def run_name(blueprint: Blueprint, values: Mapping[str, Any], seed: int, runs: Path, taken: set[str], started: datetime) -> str:
    """``YYYYMMDD_HHMM_phase-category_description_variant_seedN``, unlike any in `taken` or in the folder `runs`; makes its directory."""
    config = blueprint.config(values, seed)
    experiment = config.experiment
    name = ExperimentId(
        started=started,
        phase=experiment.phase,
        category=experiment.category or config.optimizer.name,
        description=experiment.description or f"{config.model.name}{config.data.name}",
        variant=experiment.variant or "-".join(value_slug(key, value) for key, value in sorted(values.items())),
        seed=seed,
    )
    return claim_run_name(runs, str(name), taken)
