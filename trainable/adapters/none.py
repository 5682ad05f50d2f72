"""No adapter: every parameter of the model is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainable.adapters.entry import AdapterEntry, Linears, Shape, Shapes
from trainable.spec.config import AdapterConfig

if TYPE_CHECKING:
    from torch import nn


def attach(model: nn.Module, config: AdapterConfig) -> nn.Module:  # noqa: ARG001 (one signature for every adapter)
    return model


def trainable(config: AdapterConfig, shapes: Shapes, linears: Linears) -> dict[str, Shape]:  # noqa: ARG001
    return dict(shapes)


def merged(model: nn.Module) -> nn.Module:
    return model


NONE = AdapterEntry(attach, trainable, merged, shards=True)
