"""Modules for many lanes at once: a batch holds the rows of one lane after another, a stack the same weight of every lane."""

import copy
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainable.model.gpt2 import PositionEmbedding
from trainable.model.linear import Linear, products


class LaneForm(nn.Module):
    """Stands where every lane has a module of one kind; `stack` holds their parameters by name, [lanes, *shape], set before each pass."""

    def __init__(self, original: nn.Module) -> None:
        super().__init__()
        self.train(original.training)
        self.stack: dict[str, Tensor] = {}
        # What a lane's result is multiplied with, [lanes, 1, 1]; of the second matrix of a low-rank update.
        self.scale: Tensor | None = None

    @property
    def weight(self) -> Tensor:
        return self.stack["weight"]

    def by_lane(self, x: Tensor) -> Tensor:
        """X [lanes * rows, ..., width] as [lanes, everything between, width]."""
        return x.reshape(self.weight.shape[0], -1, x.shape[-1])


class LaneLinear(LaneForm):
    """One product for each lane: x [lanes * rows, ..., inputs] to [lanes * rows, ..., outputs]."""

    def forward(self, x: Tensor) -> Tensor:
        out = products(self.by_lane(x), self.weight)
        if "bias" in self.stack:
            out = out + self.stack["bias"].unsqueeze(1)
        if self.scale is not None:
            out = out * self.scale
        return out.view(*x.shape[:-1], -1)


class LaneEmbedding(LaneForm):
    """Tokens [lanes * rows, time] to [lanes * rows, time, width], each lane's from its own table."""

    def forward(self, tokens: Tensor) -> Tensor:
        tables = self.weight.unbind(0)
        return torch.cat([F.embedding(part, table) for part, table in zip(tokens.chunk(len(tables)), tables, strict=True)])


class LanePositions(LaneForm):
    """The positions of tokens [lanes * rows, time], for each row those of its lane."""

    def forward(self, tokens: Tensor) -> Tensor:
        lanes, time = self.weight.shape[0], tokens.shape[1]
        table = self.weight[:, None, :time]
        return table.expand(lanes, tokens.shape[0] // lanes, *table.shape[2:]).flatten(0, 1)


class LaneRMSNorm(LaneForm):
    def __init__(self, original: nn.RMSNorm) -> None:
        super().__init__(original)
        self.shape, self.eps = list(original.normalized_shape), original.eps

    def forward(self, x: Tensor) -> Tensor:
        normed = F.rms_norm(x, self.shape, None, self.eps)
        return (self.by_lane(normed) * self.weight.unsqueeze(1)).view(x.shape)


class LaneLayerNorm(LaneForm):
    def __init__(self, original: nn.LayerNorm) -> None:
        super().__init__(original)
        self.shape, self.eps = list(original.normalized_shape), original.eps

    def forward(self, x: Tensor) -> Tensor:
        normed = self.by_lane(F.layer_norm(x, self.shape, None, None, self.eps))
        return torch.addcmul(self.stack["bias"].unsqueeze(1), normed, self.weight.unsqueeze(1)).view(x.shape)


LANE_FORMS: dict[type[nn.Module], Callable[..., LaneForm]] = {
    nn.Linear: LaneLinear,
    Linear: LaneLinear,
    nn.Embedding: LaneEmbedding,
    PositionEmbedding: LanePositions,
    nn.RMSNorm: LaneRMSNorm,
    nn.LayerNorm: LaneLayerNorm,
}


class NoLaneForm(ValueError):
    """A module has trained parameters and no form for many lanes; the message names it."""


def lane_forms(model: nn.Module) -> tuple[nn.Module, list[tuple[LaneForm, str, str]]]:
    """A copy of `model` whose modules with trained parameters have the form for many lanes; (form, its parameter, its name in `model`).

    What is frozen is shared with `model`. Raises `NoLaneForm`.
    """
    names = {id(parameter): name for name, parameter in model.named_parameters() if parameter.requires_grad}
    shared: dict[int, nn.Module | nn.Parameter] = {id(p): p for p in model.parameters() if not p.requires_grad}
    slots = []
    for path, module in model.named_modules():
        own = dict(module.named_parameters(recurse=False))
        if not any(parameter.requires_grad for parameter in own.values()):
            continue
        if type(module) not in LANE_FORMS or not all(parameter.requires_grad for parameter in own.values()):
            raise NoLaneForm(f"{path} is a {type(module).__name__}, which has no form for many lanes")
        form = LANE_FORMS[type(module)](module)
        shared[id(module)] = form
        slots += [(form, name, names[id(parameter)]) for name, parameter in own.items()]
    copied = copy.deepcopy(model, shared)
    for layer in low_rank_layers(copied):
        layer.scaling = dict.fromkeys(layer.scaling, 1.0)
    return copied, slots


def low_rank_layers(model: nn.Module) -> list[Any]:
    """The layers that peft has given a low-rank update, with its `scaling` by the adapter's name."""
    return [module for module in model.modules() if isinstance(getattr(module, "scaling", None), dict)]
