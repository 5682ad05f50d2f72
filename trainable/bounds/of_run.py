"""The bounds of a run: certified at a checkpoint, and written to ``bounds_metrics.pt`` and ``bounds_metrics.json`` in its directory."""

import io
from dataclasses import asdict
from typing import Any

import torch

from trainable.adapters.coding import gate_counts, gates
from trainable.bounds.certificate import Certificate
from trainable.bounds.certify import certify
from trainable.checkpoint import is_whole, load_checkpoint
from trainable.learner import Learner
from trainable.spec.atomic_write import write_bytes, write_json
from trainable.spec.config import BoundsConfig, RunConfig
from trainable.spec.run_dir import RunDir
from trainable.trained_state import load_trained_state, trained_state

BOUNDS_FORMAT = 1
_PREFIX = "bounds/"


def measure_at_the_end(learner: Learner, run_dir: RunDir) -> dict[str, float]:
    """Metrics by their names, of the checkpoint with the lowest validation loss; the last weights where none was kept.

    The learner's weights are as they were when this returns; the main rank writes the files.
    """
    best = run_dir.checkpoint("best")
    if not is_whole(best):
        return _measured(learner, run_dir, "final")
    last = {name: tensor.detach().clone() for name, tensor in trained_state(learner.model).items()}
    load_trained_state(learner.model, load_checkpoint(best)[0])
    try:
        return _measured(learner, run_dir, "best")
    finally:
        load_trained_state(learner.model, last)


def write_bounds(run_dir: RunDir, certificate: Certificate, about: dict[str, Any]) -> None:
    """A flat dictionary of floats for ``torch.load(weights_only=True)``, and the same with all that is behind it as JSON."""
    content = io.BytesIO()
    torch.save(certificate.metrics(), content)
    write_bytes(run_dir.path / "bounds_metrics.pt", content.getvalue())
    write_json(run_dir.path / "bounds_metrics.json", {"format": BOUNDS_FORMAT, **certificate.as_plain(), **about})


def about_run(learner: Learner, settings: BoundsConfig, checkpoint: str) -> dict[str, Any]:
    """What was certified and how: checkpoint, seed, adapter with rank, dimension and allocation, gates by layer, settings."""
    config: RunConfig = learner.config
    return {
        "checkpoint": checkpoint,
        "seed": config.training.seed,
        "adapter": {name: value for name, value in asdict(config.adapter).items() if value is not None},
        "gates": gates(learner.model),
        "gate_counts": {group: {"to_b": to_b, "size": size} for group, (to_b, size) in gate_counts(learner.model).items()},
        "level_of_independence": settings.level_of_independence,
        "levels": settings.levels,
        "quantisation": settings.quantisation,
        "quantisation_aware_steps": settings.quantisation_aware_steps,
        "num_candidates": settings.num_candidates,
    }


def _measured(learner: Learner, run_dir: RunDir, checkpoint: str) -> dict[str, float]:
    settings = learner.config.bounds
    certificate = certify(learner, settings)
    if learner.world.is_main:
        write_bounds(run_dir, certificate, about_run(learner, settings, checkpoint))
    metrics = {**certificate.metrics(), "vacuous": float(certificate.is_vacuous)}
    return {f"{_PREFIX}{name}": value for name, value in metrics.items()}
