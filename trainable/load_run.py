"""A run as it was left: its configuration, its data and the weights of one of its checkpoints."""

import yaml

from trainable.checkpoint import DamagedCheckpoint, load_checkpoint
from trainable.learner import Learner
from trainable.spec.compose import from_plain
from trainable.spec.config import RunConfig
from trainable.spec.mistakes import WrongRequest, did_you_mean
from trainable.spec.run_dir import RunDir


def run_config(run_dir: RunDir) -> RunConfig:
    """The configuration that the run was started with. Raises `WrongRequest` when the directory holds no run."""
    if not run_dir.config.is_file():
        raise WrongRequest([f"{run_dir.path}: no {run_dir.config.name} there, so it is not a run directory"])
    try:
        values = yaml.safe_load(run_dir.config.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise WrongRequest([f"{run_dir.config} cannot be read: {str(error).splitlines()[0]}"]) from error
    return from_plain(values)


def load_learner(run_dir: RunDir, checkpoint: str) -> Learner:
    """The learner with the weights of `checkpoint`: best, final or a step. Raises `WrongRequest` when there is none."""
    config = run_config(run_dir)
    folder = run_dir.checkpoint(int(checkpoint) if checkpoint.isdecimal() else checkpoint)
    if not folder.is_dir():
        raise WrongRequest([f"{folder}: no such checkpoint{did_you_mean(checkpoint, _checkpoints(run_dir))}"])
    try:
        model, training = load_checkpoint(folder)
    except DamagedCheckpoint as damaged:
        raise WrongRequest([str(damaged)]) from damaged
    learner = Learner(config)
    learner.load_model(model, training)
    return learner


def _checkpoints(run_dir: RunDir) -> list[str]:
    """As they are asked for: best, final or a step."""
    return [path.name.removeprefix("checkpoint-") for path in run_dir.checkpoints.glob("[!.]*")]
