"""What several ranks change in the memory of each: the shares that they hold, and what they gather and exchange; pure, no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, prod

from trainable.model.size import Shape
from trainable.optim.parameter_roles import layer_of
from trainable.spec.config import RunConfig

_FP32 = 4


@dataclass(frozen=True)
class Shares:
    """Of one process among `ranks`: every tensor of the model, its gradients and its optimizer state are in `parts` parts, one here.

    Bytes on top of that: `gathered_bytes` during forward and backward pass, `exchanged_bytes` when the last gradients are averaged,
    `kept_bytes` all the time.
    """

    ranks: int = 1
    parts: int = 1
    gathered_bytes: int = 0
    exchanged_bytes: int = 0
    kept_bytes: int = 0

    def part_of(self, size: int) -> int:
        return ceil(size / self.parts)


def shares(config: RunConfig, ranks: int, weights: Mapping[str, Shape], trained: Mapping[str, Shape]) -> Shares:
    """The shares of a run by `ranks` processes; `weights` are all tensors of the model, `trained` those with a gradient.

    DDP keeps a second set of gradients, from which it sends. FSDP gathers the group of what lies in no block for the whole pass, and a
    block together with the next one; a group's gradients are whole, twice, while they are averaged.
    """
    if ranks == 1:
        return Shares()
    if config.resources.parallel != "fsdp":
        return Shares(ranks, kept_bytes=sum(_by_group(trained).values()))
    gathered, gradients = _by_group(weights), _by_group(trained)
    root, block = gathered.pop(None, 0), max(gathered.values(), default=0)
    root_gradients, block_gradients = gradients.pop(None, 0), max(gradients.values(), default=0)
    return Shares(
        ranks,
        parts=ranks,
        gathered_bytes=root + 2 * block + 2 * block_gradients,
        exchanged_bytes=root + 2 * root_gradients,
    )


def _by_group(shapes: Mapping[str, Shape]) -> Counter[int | None]:
    """Bytes by block; None for what is in no block."""
    found: Counter[int | None] = Counter()
    for name, shape in shapes.items():
        found[layer_of(name)] += prod(shape) * _FP32
    return found
