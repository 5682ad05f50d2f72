"""Slices through the loss around a point of weight space, along random directions of the weights' own scale."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

Loss = Callable[[], float]
Directions = tuple[Sequence[Tensor], Sequence[Tensor]]


@dataclass(frozen=True)
class Point:
    """`loss` in nats/token at weights + x * first + y * second direction; y is None in a one-dimensional slice."""

    x: float
    y: float | None
    loss: float


def filter_normalised(weights: Sequence[Tensor], seed: int) -> list[Tensor]:
    """A Gaussian direction whose every filter has the norm of the weights' own filter (Li et al. 2018, section 4).

    The filters of a tensor are its slices along the first dimension: the rows of a matrix, the incoming weights of one unit. Vectors
    (biases, norms) are not moved, as in the paper's experiments.
    """
    generator = torch.Generator().manual_seed(seed)
    return [_direction(weight, generator) for weight in weights]


def _direction(weight: Tensor, generator: torch.Generator) -> Tensor:
    drawn = torch.randn(weight.shape, generator=generator).to(weight)
    if weight.dim() < 2:
        return torch.zeros_like(weight)
    scale = weight.flatten(1).norm(dim=1) / drawn.flatten(1).norm(dim=1).clamp(min=torch.finfo(drawn.dtype).tiny)
    return torch.mul(drawn, scale.view(-1, *(1 for _ in weight.shape[1:])))


def coordinates(points: int, radius: float) -> list[float]:
    """`points` (odd) places from -radius to radius; the one in the middle is 0."""
    half = points // 2
    return [radius * number / half for number in range(-half, half + 1)]


def line(loss: Loss, weights: Sequence[Tensor], direction: Sequence[Tensor], places: Sequence[float]) -> Iterator[Point]:
    """The loss at weights + x * direction; `loss` reads `weights`, which are moved in place, and back to the bit at the end."""
    with _put_back(weights) as centre:
        for x in places:
            _move(weights, centre, [(x, direction)])
            yield Point(x, None, loss())


def plane(loss: Loss, weights: Sequence[Tensor], directions: Directions, places: Sequence[float]) -> Iterator[Point]:
    """The loss at weights + x * first + y * second direction, row by row of y; as `line`."""
    with _put_back(weights) as centre:
        for y in places:
            for x in places:
                _move(weights, centre, [(x, directions[0]), (y, directions[1])])
                yield Point(x, y, loss())


@torch.no_grad()
def _move(weights: Sequence[Tensor], centre: Sequence[Tensor], steps: Sequence[tuple[float, Sequence[Tensor]]]) -> None:
    torch._foreach_copy_(list(weights), list(centre))
    for length, direction in steps:
        torch._foreach_add_(list(weights), list(direction), alpha=length)


@contextmanager
def _put_back(weights: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    centre = [weight.detach().clone() for weight in weights]
    try:
        yield centre
    finally:
        _move(weights, centre, [])
