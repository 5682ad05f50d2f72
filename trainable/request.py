"""A run as it is asked for: composed, and checked by every room that will carry it out; no torch, so that it is quick."""

from collections.abc import Sequence
from dataclasses import replace

from trainable.adapters.checks import adapter_mistakes
from trainable.base_config import base_config
from trainable.data import checks as data_checks
from trainable.model.exported import PRETRAINED
from trainable.model.size import SHAPES, linear_shapes, parameter_shapes, resolved
from trainable.optim.checks import optimizer_mistakes
from trainable.optim.schedules import schedule_mistakes
from trainable.parallel_checks import parallel_mistakes
from trainable.pretrained_checks import pretrained_mistakes
from trainable.probes.registry import probe_mistakes
from trainable.spec.checks import run_mistakes
from trainable.spec.compose import Check, compose_run
from trainable.spec.config import ModelConfig, RunConfig
from trainable.spec.mistakes import WrongRequest, unknown


def request_run(overrides: Sequence[str]) -> RunConfig:
    """The checked configuration. Raises `WrongRequest` with all mistakes, those of missing or unreadable text among them."""
    config = compose_run(overrides, ROOM_CHECKS)
    return replace(config, model=_as_it_is(config.model))


def _base_mistakes(config: RunConfig) -> list[str]:
    """Of the run that trains the model's base first."""
    if config.model.pretraining is None:
        return []
    if config.model.pretrained is not None:
        return [f"model.pretraining trains a base, and model.pretrained={config.model.pretrained} gives one: leave one of them out"]
    try:
        base_config(config, ROOM_CHECKS)
    except WrongRequest as wrong:
        return wrong.mistakes
    return []


def _as_it_is(model: ModelConfig) -> ModelConfig:
    """With the shape of the pretrained model where one is given, so that what is recorded and priced is what is trained."""
    if model.pretrained is None:
        return model
    return replace(resolved(model), pretrained=model.pretrained, context_length=model.context_length)


def _model_mistakes(config: RunConfig) -> list[str]:
    known = config.model.architecture in (*SHAPES, PRETRAINED)
    return [] if known else [unknown("model.architecture", config.model.architecture, SHAPES)]


def _adapter_mistakes(config: RunConfig) -> list[str]:
    # The layers of a model that cannot be built are unknown; its own mistakes are told by others.
    broken = run_mistakes(config) or _model_mistakes(config) or pretrained_mistakes(config)
    if broken or config.adapter.name == "none":
        return adapter_mistakes(config.adapter)
    return adapter_mistakes(config.adapter, parameter_shapes(config.model), linear_shapes(config.model))


def _data_mistakes(config: RunConfig) -> list[str]:
    memo = repr(config.data)
    if memo not in _data_found:
        _data_found[memo] = data_checks.mistakes(config.data)
    return _data_found[memo]


# Looking at the text takes time, and the trials of a sweep mostly share it.
_data_found: dict[str, list[str]] = {}

ROOM_CHECKS: tuple[Check, ...] = (
    _model_mistakes,
    lambda config: optimizer_mistakes(config.optimizer),
    lambda config: schedule_mistakes(config.schedule, config.training.max_steps),
    _data_mistakes,
    probe_mistakes,
    parallel_mistakes,
    pretrained_mistakes,
    _base_mistakes,
    _adapter_mistakes,
)
