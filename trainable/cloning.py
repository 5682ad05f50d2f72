"""Population-based training's exploit: a run goes on with the weights and optimizer state of another (Jaderberg et al. 2017)."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trainable.checkpoint import DamagedCheckpoint, load_checkpoint, newest_checkpoint
from trainable.learner import Learner
from trainable.spec.run_dir import RunDir

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clone:
    """The run that is copied, and the step at which; the copy keeps its own step, seed and settings."""

    run_dir: str
    step: int

    @property
    def mark(self) -> str:
        """What a checkpoint keeps, so that no copy is made twice."""
        return f"{Path(self.run_dir).name}@{self.step}"


def take_over(learner: Learner, clone: Clone) -> None:
    """Loads the source's state at `clone.step`, or its newest when that is gone. Raises `DamagedCheckpoint` when it has none."""
    source = RunDir(Path(clone.run_dir))
    model, training = _state_at(source, clone.step)
    learner.load_model(model, training)
    # The groups carry settings (weight decay) that the copy has perturbed: only the moments are the source's.
    groups = learner.optimizer.state_dict()["param_groups"]
    learner.load_optimizer({**training["optimizer"], "param_groups": groups})


def _state_at(source: RunDir, step: int) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    try:
        return load_checkpoint(source.checkpoint(step))
    except DamagedCheckpoint:
        log.warning("%s has no whole checkpoint of step %d left; its newest is copied", source.path, step)
    found = newest_checkpoint(source)
    if found is None:
        raise DamagedCheckpoint(f"{source.path} has no whole checkpoint to copy")
    _, model, training = found
    return model, training
