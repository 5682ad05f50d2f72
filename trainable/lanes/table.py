"""The trained parameters of many lanes and their gradients: a row for each lane, of which the lane's own model is a view."""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
import torch
from torch import Tensor, nn

from trainable.device import on_device


class LaneTable:
    """Rows [capacity, width] of float32; `places` says where in a row each parameter of `shapes` (in that order) lies.

    A lane's own parameter may be smaller: it then is the corner of its place, and zeros are the rest.
    """

    def __init__(self, shapes: Mapping[str, Sequence[int]], capacity: int, device: torch.device) -> None:
        self.shapes = {name: tuple(shape) for name, shape in shapes.items()}
        self.places, width = dict[str, slice](), 0
        for name, shape in self.shapes.items():
            self.places[name] = slice(width, width + prod(shape))
            width += prod(shape)
        self.weights = torch.zeros(capacity, width, device=device)
        self.gradients = torch.zeros_like(self.weights)
        self._free = list(range(capacity))

    @property
    def is_empty(self) -> bool:
        return len(self._free) == len(self.weights)

    @property
    def is_full(self) -> bool:
        return not self._free

    def enter(self, parameters: Mapping[str, nn.Parameter]) -> int:
        """The row that `parameters` are views of from now on, with their values."""
        row = self._free.pop(0)
        self.weights[row].zero_()
        for name, parameter in parameters.items():
            view = self.of_lane(self.weights[row], name, parameter.shape)
            view.copy_(parameter.detach())
            parameter.data = view
        return row

    def leave(self, row: int) -> None:
        self._free = sorted([*self._free, row])

    def of_lane(self, row: Tensor, name: str, shape: Sequence[int]) -> Tensor:
        """A lane's parameter of `shape`, or what `row` [width] holds in its place."""
        return corner(row[self.places[name]].view(self.shapes[name]), shape)

    def stacks(self, rows: Sequence[int]) -> dict[str, Tensor]:
        """Every parameter of the lanes in `rows`, [lanes, *shape], to be differentiated; without a copy where rows are neighbours."""
        chosen = take(self.weights, rows)
        parts = {name: chosen[:, place].view(len(rows), *self.shapes[name]) for name, place in self.places.items()}
        return {name: part.detach().requires_grad_() for name, part in parts.items()}

    def add_gradients(self, rows: Sequence[int], fresh: Sequence[bool], found: Sequence[Tensor]) -> None:
        """Adds the gradients of `stacks`, in their order; those of `fresh` lanes replace what their rows held."""
        parts = [gradient.flatten(1) for gradient in found]
        if all(fresh) and are_neighbours(rows):
            torch.cat(parts, dim=1, out=self.gradients[rows[0] : rows[-1] + 1])
            return
        joined = torch.cat(parts, dim=1)
        for row, is_fresh, gradient in zip(rows, fresh, joined.unbind(), strict=True):
            self.gradients[row] = gradient if is_fresh else self.gradients[row] + gradient


def corner(whole: Tensor, shape: Sequence[int]) -> Tensor:
    """The first entries of every dimension, as many as `shape` says: a view."""
    return whole[tuple(slice(0, size) for size in shape)]


def are_neighbours(rows: Sequence[int]) -> bool:
    """Whether ascending `rows` leave none out."""
    return rows[-1] - rows[0] == len(rows) - 1


def take(table: Tensor, rows: Sequence[int]) -> Tensor:
    """The `rows` (ascending) of a table: a view where they are neighbours, else a copy."""
    if are_neighbours(rows):
        return table[rows[0] : rows[-1] + 1]
    return table[on_device(np.array(rows), table.device)]


def clip_rows(table: Tensor, rows: Sequence[int], limits: Tensor) -> Tensor:
    """The norms of the `rows` (ascending) of a table, each scaled down to its limit, as `torch.nn.utils.clip_grad_norm_` does."""
    chosen = take(table, rows)
    norms: Tensor = torch.linalg.vector_norm(chosen, dim=1)
    factors = (take(limits, rows) / (norms + 1e-6)).clamp(max=1.0)
    chosen *= factors[:, None]
    if not are_neighbours(rows):
        for row, clipped in zip(rows, chosen.unbind(), strict=True):
            table[row] = clipped
    return norms
