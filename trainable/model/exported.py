"""Whole weights of a finished run in a folder of their own, which `model.pretrained` takes: ``model.json`` and ``model.safetensors``."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trainable.spec.config import ModelConfig
from trainable.spec.mistakes import WrongRequest

if TYPE_CHECKING:
    from torch import nn

PRETRAINED = "pretrained"  # the architecture of what is none of ours
_SHAPE, _WEIGHTS = "model.json", "model.safetensors"


def is_exported(name: str | None) -> bool:
    """Whether `model.pretrained` names a folder that `save_exported` wrote."""
    return name is not None and (Path(name).expanduser() / _SHAPE).is_file()


def save_exported(model: nn.Module, config: ModelConfig, folder: Path) -> None:
    """Writes a model of ours; a tied head is written once."""
    from safetensors.torch import save_model

    save_model(model, str(folder / _WEIGHTS))
    (folder / _SHAPE).write_text(json.dumps(asdict(replace(config, pretrained=None)), indent=2) + "\n")


def exported_shape(config: ModelConfig) -> ModelConfig:
    """The configuration with which the exported model was built, its context as long as then; dropout is that of `config`.

    Raises `WrongRequest` when ``model.json`` is not ours.
    """
    path = Path(config.pretrained or "").expanduser() / _SHAPE
    try:
        stored = ModelConfig(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise WrongRequest([f"model.pretrained={config.pretrained}: {path} is not the shape of a model of ours ({error})"]) from error
    return replace(stored, name=config.name, dropout=config.dropout)


def load_weights(model: nn.Module, config: ModelConfig) -> None:
    """Gives `model`, built from `exported_shape`, its weights. Raises `WrongRequest` when they do not fit it."""
    from safetensors import SafetensorError
    from safetensors.torch import load_model

    try:
        load_model(model, Path(config.pretrained or "").expanduser() / _WEIGHTS)
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise WrongRequest([f"model.pretrained={config.pretrained}: {_WEIGHTS} cannot be loaded ({reason})"]) from error
