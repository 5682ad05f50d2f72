"""The rules of a subspace's settings, each alone, together, and against the weights that it moves: pure, no torch."""

from collections.abc import Iterator

from trainable.adapters.entry import Rules, Shapes
from trainable.adapters.subspace.allocation import ALLOCATIONS, coordinates_of_b, group_of, part_mistakes, plan
from trainable.adapters.subspace.registry import PROJECTORS
from trainable.spec.config import AdapterConfig
from trainable.spec.mistakes import unknown

RULES: Rules = {
    "rank": ("must be at least 0 (0: the subspace is one of all weights)", lambda rank: rank >= 0),
}
_NOTHING_TRAINED = "without coordinates on B nothing is trained, for B starts at 0 and A then has no gradient"


def setting_mistakes(config: AdapterConfig) -> list[str]:
    """One sentence for each name that is unknown, and for settings that do not go together."""
    chosen = (("projector", config.projector, list(PROJECTORS)), ("allocation", config.allocation, list(ALLOCATIONS)))
    found = [unknown(f"adapter.{field}", name, known) for field, name, known in chosen if name is not None and name not in known]
    return found + list(_allocation_mistakes(config))


def size_mistakes(config: AdapterConfig, shapes: Shapes) -> list[str]:
    """One sentence for each part of the subspace that does not fit the tensors it moves; for settings that are right alone."""
    if not config.intrinsic_dim:
        return []
    groups = {group_of(name) for name in shapes}
    if config.allocation == "learned" and config.intrinsic_dim < len(groups):
        return [f"adapter.intrinsic_dim={config.intrinsic_dim} must be at least {len(groups)}, one coordinate for each group of layers"]
    return part_mistakes(plan(config, shapes), shapes)


def _allocation_mistakes(config: AdapterConfig) -> Iterator[str]:
    allocation, ratio = config.allocation, config.allocation_ratio
    if allocation != "fixed":
        if ratio is not None:
            yield f"adapter.allocation_ratio={ratio:g} must be null: only adapter.allocation=fixed asks for it"
    elif ratio is None:
        yield "adapter.allocation_ratio is not given: adapter.allocation=fixed needs it, the share of the coordinates that goes to B"
    elif not 0 < ratio <= 1:
        yield f"adapter.allocation_ratio={ratio:g} must lie in (0, 1]" + (f": {_NOTHING_TRAINED}" if ratio == 0 else "")
    elif config.intrinsic_dim and coordinates_of_b(config) == 0:
        yield f"adapter.allocation_ratio={ratio:g} of adapter.intrinsic_dim={config.intrinsic_dim} rounds to 0: {_NOTHING_TRAINED}"
    if allocation == "learned" and config.gate_lr is None:
        yield "adapter.gate_lr is not given: adapter.allocation=learned needs it"
    if allocation in ALLOCATIONS and allocation != "uniform":
        for field, need in (("rank", "A and B to choose between"), ("intrinsic_dim", "coordinates to share out")):
            if getattr(config, field) == 0:
                yield f"adapter.{field}=0 leaves adapter.allocation={allocation} without {need}"
