"""A model whose weights are theta0 + P z: theta0 and P are frozen, z and the gates are trained."""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from trainable.adapters.subspace.allocation import B, Part, sizes_of_groups
from trainable.adapters.subspace.projector import Projector, Size, generator


class Projection(nn.Module):
    """P of one part; what it is made of counts as the frozen base, whose hash a checkpoint keeps."""

    def __init__(self, projector: Projector, size: Size) -> None:
        super().__init__()
        self._projector, self._size = projector, size
        self._held = list[str]()
        for name, tensor in projector.tensors(size).items():
            self.register_buffer(name, tensor)
            self._held.append(name)

    def forward(self, z: Tensor) -> Tensor:
        """P z [D] of z [d]."""
        return self._projector.project({name: self.get_buffer(name) for name in self._held}, z, self._size)


class Gate(nn.Module):
    """Which of a group's `size` coordinates are B's: the first round(gamma size), gamma = sigmoid(gate), from one half.

    The mask is hard, and its gradient that of sigmoid(gamma size - i - 1/2), straight through (Bengio, Léonard and Courville 2013).
    """

    places: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.gate = nn.Parameter(torch.zeros(()))
        self.register_buffer("places", torch.arange(size) + 0.5)

    def forward(self) -> Tensor:
        """0 or 1 for each coordinate [size]."""
        share = torch.sigmoid(self.gate) * self.size
        soft = torch.sigmoid(share - self.places)
        return (self.places < torch.round(share.detach())).to(soft.dtype) + (soft - soft.detach())


class SubspaceModel(nn.Module):
    """`net` with the weights theta0 + P z in place of those that were to be trained; tokens to logits, as `net`.

    `coordinates` is z [d], from 0, so that it starts as `net` itself to the bit; ``gates.<group>.gate`` are there when allocation is
    learned. theta0 is `net` as it is given, frozen here.
    """

    def __init__(self, net: nn.Module, parts: Sequence[Part], projector: Projector, seed: int) -> None:
        super().__init__()
        self.coordinates = nn.Parameter(torch.zeros(max(part.start + part.size for part in parts)))
        self.gates = nn.ModuleDict({group: Gate(size) for group, size in sizes_of_groups(parts).items()})
        self.net = net.requires_grad_(False)
        self._parts = tuple(parts)
        self.projections = nn.ModuleDict({part.label: self._projection(part, projector, seed) for part in parts})

    @property
    def config(self) -> Any:
        return self.net.config

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = functional_call(self.net, self.weights(), (tokens,))
        return logits

    def weights(self) -> dict[str, Tensor]:
        """theta0 + P z by the names of `net`'s parameters, float32 under autocast too."""
        found: dict[str, Tensor] = {}
        with torch.autocast(self.coordinates.device.type, enabled=False):
            masks = {group: gate() for group, gate in self.gates.items()}
            for part in self._parts:
                found |= self._weights_of(part, masks)
        return found

    def plain(self) -> nn.Module:
        """`net` with these weights in it for good; this model is used up."""
        with torch.no_grad():
            for name, weight in self.weights().items():
                self.net.get_parameter(name).copy_(weight)
        return self.net

    def _weights_of(self, part: Part, masks: dict[str, Tensor]) -> dict[str, Tensor]:
        z = self.coordinates[part.start : part.start + part.size]
        if part.gate is not None:
            mask = masks[part.gate]
            z = z * (mask if part.side == B else 1 - mask)
        start = [self.net.get_parameter(name) for name in part.names]
        moved = torch.split(self.projections[part.label](z), [tensor.numel() for tensor in start])
        return {name: a + b.view_as(a) for name, a, b in zip(part.names, start, moved, strict=True)}

    def _projection(self, part: Part, projector: Projector, seed: int) -> Projection:
        weights = sum(prod(self.net.get_parameter(name).shape) for name in part.names)
        return Projection(projector, Size(part.size, weights, generator(seed, part.label).initial_seed()))
