"""What every adapter declares; importable without torch, so that a plan can be checked and priced in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainable.spec.config import AdapterConfig

if TYPE_CHECKING:
    import torch
    from torch import nn

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]
Linears = Mapping[str, tuple[int, int]]
Rules = Mapping[str, tuple[str, Callable[[Any], bool]]]


def no_mistakes(config: AdapterConfig) -> list[str]:
    """Of an adapter whose settings go with each other as they like."""
    del config
    return []


def no_misfits(config: AdapterConfig, shapes: Shapes, linears: Linears) -> list[str]:
    """Of an adapter that fits every model that has its target modules."""
    del config, shapes, linears
    return []


@dataclass(frozen=True)
class AdapterEntry:
    """One line of `ADAPTERS`.

    `attach` takes a model on the CPU (tokens to logits) and the checked configuration, and returns a model of the same interface
    of which only what is to be trained requires gradients. It draws from torch's global generator.
    `trainable` gives the trained parameters' shapes from those of the model, and from (outputs, inputs) of its linear layers.
    `merged` turns an attached model back into the plain one, with what was learned in its weights; the attached one is used up.
    `save` writes the adapter alone into an empty folder, from the attached model and its trained tensors by name; None where there is
    nothing apart from the model.
    `shards`: whether an attached model may lie in shards on several ranks, each with some rows of every tensor.
    `settings` are the fields of `AdapterConfig` that have a meaning here, `required` those that have to be given.
    `package` is what has to be installed, from the extra dependencies `adapters`.
    `rules` are those of its own for single settings, before the general ones; `mistakes` gives a sentence for each contradiction
    between settings, `misfits` for each between settings that are right by themselves and the shapes that `trainable` gets.
    """

    attach: Callable[[nn.Module, AdapterConfig], nn.Module]
    trainable: Callable[[AdapterConfig, Shapes, Linears], dict[str, Shape]]
    merged: Callable[[nn.Module], nn.Module]
    save: Callable[[nn.Module, Mapping[str, torch.Tensor], Path], None] | None = None
    shards: bool = False
    settings: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    package: str | None = None
    rules: Rules = field(default_factory=dict)
    mistakes: Callable[[AdapterConfig], list[str]] = no_mistakes
    misfits: Callable[[AdapterConfig, Shapes, Linears], list[str]] = no_misfits
