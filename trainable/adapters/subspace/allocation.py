"""How the d coordinates are shared out over the weights: the parts of a subspace, each with its own projector; pure, no torch.

``uniform``: one part, all coordinates on all weights. ``fixed``: round(ratio d) coordinates on all B, the others on all A.
``learned``: each group of layers has d_l coordinates of its own, in proportion to its weights, and a gate that gives the first
round(gamma d_l) of them to its B and the others to its A. In every mode each coordinate has one place: the budget is d exactly.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from trainable.adapters.entry import Shape, Shapes
from trainable.spec.config import AdapterConfig

A, B = "A", "B"
HEAD = "head"
_SIDE = re.compile(r"(?:^|\.)lora_([AB])\.")
_LAYER = re.compile(r"(?:^|\.)(\d+)\.")


@dataclass(frozen=True)
class Part:
    """Coordinates `start` to `start + size` on the weights of the tensors `names`, one after the other.

    `label` tells parts apart, for their seeds. With a `gate` (the name of the group) it depends on the gate which of the coordinates
    are this part's, and which are those of the part of the other `side`.
    """

    label: str
    start: int
    size: int
    names: tuple[str, ...]
    side: str = ""
    gate: str | None = None


def group_of(name: str) -> str:
    """The layer's number in ``layers.3.attn.q_proj.lora_A.weight``; ``head`` outside the numbered layers."""
    found = _LAYER.search(name)
    return found[1] if found else HEAD


def side_of(name: str) -> str:
    """A or B; empty for weights that are no adapter's."""
    found = _SIDE.search(name)
    return found[1] if found else ""


def coordinates_of_b(config: AdapterConfig) -> int:
    """round(ratio d), where the allocation is fixed."""
    return round((config.allocation_ratio or 0.0) * (config.intrinsic_dim or 0))


def shares(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """`total` in proportion to the weights, by largest remainders (Hamilton's method), at least 1 each; the sum is `total` exactly.

    Raises `ValueError` when there are fewer than one for each.
    """
    if total < len(weights):
        raise ValueError(f"{total} cannot be shared out over {len(weights)} groups")
    everything = sum(weights.values())
    found = {name: total * weight // everything for name, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda name: -(total * weights[name] % everything))
    for name in by_remainder[: total - sum(found.values())]:
        found[name] += 1
    for name in weights:
        if found[name] == 0:
            found[max(found, key=lambda other: found[other])] -= 1
            found[name] = 1
    return found


def plan(config: AdapterConfig, shapes: Shapes) -> list[Part]:
    """The parts for the tensors `shapes`, which are a model's weights or a LoRA's. Raises `ValueError` when d is too small."""
    return ALLOCATIONS[config.allocation or ""](config, shapes)


def part_mistakes(parts: Sequence[Part], shapes: Shapes) -> list[str]:
    """One sentence for each part that would have more coordinates than weights: its P could not keep lengths."""
    found = []
    for part in parts:
        weights = sum(prod(shapes[name]) for name in part.names)
        if part.size > weights:
            where = " of ".join(filter(None, (part.side, part.gate and f"group {part.gate}"))) or "all weights"
            found.append(
                f"adapter.intrinsic_dim gives {part.size} coordinates to {where}, which has only {weights} weights:"
                " lower it, or raise adapter.rank"
            )
    return found


def sizes_of_groups(parts: Sequence[Part]) -> dict[str, int]:
    """d_l of each gate's group."""
    return {part.gate: part.size for part in parts if part.gate is not None}


def _uniform(config: AdapterConfig, shapes: Shapes) -> list[Part]:
    return [Part("all", 0, config.intrinsic_dim or 0, tuple(shapes))]


def _fixed(config: AdapterConfig, shapes: Shapes) -> list[Part]:
    d, of_b = config.intrinsic_dim or 0, coordinates_of_b(config)
    parts = [Part(A, 0, d - of_b, _on(shapes, A), A), Part(B, d - of_b, of_b, _on(shapes, B), B)]
    return [part for part in parts if part.size]


def _learned(config: AdapterConfig, shapes: Shapes) -> list[Part]:
    groups: dict[str, dict[str, Shape]] = {}
    for name, shape in shapes.items():
        groups.setdefault(group_of(name), {})[name] = shape
    sizes = shares(config.intrinsic_dim or 0, {group: sum(map(prod, found.values())) for group, found in groups.items()})
    parts, start = [], 0
    for group, found in groups.items():
        parts += [Part(f"{group}_{side}", start, sizes[group], _on(found, side), side, group) for side in (A, B)]
        start += sizes[group]
    return parts


def _on(shapes: Shapes, side: str) -> tuple[str, ...]:
    return tuple(name for name in shapes if side_of(name) == side)


ALLOCATIONS: dict[str, Callable[[AdapterConfig, Shapes], list[Part]]] = {
    "uniform": _uniform,
    "fixed": _fixed,
    "learned": _learned,
}
