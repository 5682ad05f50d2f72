"""What a base for an adapter is: `model.pretraining` says how the model's weights are trained before the run itself starts on them."""

from dataclasses import fields, replace
from pathlib import Path

from trainable.spec.compose import Check, compose_run
from trainable.spec.config import ModelConfig, RunConfig
from trainable.spec.identity import TrialKey, cell_of
from trainable.spec.mistakes import WrongRequest
from trainable.spec.overrides import overrides_of

# Nobody reads the tracks of a base; it is one checkpoint on the way to the runs that are read.
_QUIETLY = ("tracking.wandb=off", "tracking.plots=false", "training.test_batches=0")
_NOT_OF_THE_SHAPE = frozenset({"name", "pretrained", "pretraining"})


def base_config(config: RunConfig, checks: tuple[Check, ...] = ()) -> RunConfig:
    """The run that trains the base: the model of `config`, the default of all else, and `model.pretraining` laid over it.

    Raises `WrongRequest` with every mistake, each naming `model.pretraining`.
    """
    shape = [(f"model.{field.name}", getattr(config.model, field.name)) for field in fields(config.model)]
    own = overrides_of((key, value) for key, value in shape if key.removeprefix("model.") not in _NOT_OF_THE_SHAPE)
    threads = config.training.num_threads or max(1, int(config.resources.cpus_per_trial))
    place = [("data.root", config.data.root), ("training.device", config.training.device), ("training.num_threads", threads)]
    try:
        return compose_run([*own, *_QUIETLY, *(config.model.pretraining or []), *overrides_of(place)], checks)
    except WrongRequest as wrong:
        raise WrongRequest(f"model.pretraining: {mistake}" for mistake in wrong.mistakes) from wrong


def based(config: RunConfig) -> ModelConfig:
    """The model of `config` as it is built: on the weights of its base where one is asked for."""
    if config.model.pretraining is None:
        return config.model
    return replace(config.model, pretrained=str(base_folder(base_config(config))), pretraining=None)


def base_folder(base: RunConfig) -> Path:
    """The name follows from all that decides the weights."""
    return Path(base.data.root) / "pretrained" / str(TrialKey(cell_of(base), base.training.seed))
