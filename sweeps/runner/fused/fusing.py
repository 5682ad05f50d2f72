"""Whether the trials of a sweep are trained as lanes, and how many to a worker."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from math import gcd
from pathlib import Path

from sweeps.runner.blueprint import Blueprint
from sweeps.runner.fused.lane_pool import LanePool
from sweeps.runner.price import expected_steps
from sweeps.runner.resources import gpu_count, slots
from trainable.adapters.lora import unranked
from trainable.spec.compose import to_plain
from trainable.spec.config import AUTO, MOST_LANES, OFF, ResourcesConfig, RunConfig

# With less than this a measurement of a few steps may have been luck.
_WORTH = 1.1
_SHAPING = ("model", "adapter", "data")


def open_pool(blueprint: Blueprint, resources: ResourcesConfig) -> LanePool | None:
    """The lanes of a sweep with ``resources.fuse``; None where trials are better trained alone. Ray must be running."""
    if resources.fuse == OFF:
        return None
    shared = common(blueprint)
    lanes = _measured(blueprint, resources, shared) if resources.fuse == AUTO else int(resources.fuse)
    return LanePool(resources, lanes, shared) if lanes > 1 else None


def common(blueprint: Blueprint) -> dict[str, int | None]:
    """What lanes that differ in it share: ``rows``, the largest micro-batch that divides every batch size, and the highest ``rank``.

    None for what the grid does not vary.
    """
    sizes, ranks = (_varied(blueprint, key) for key in ("training.batch_size", "adapter.rank"))
    return {"rows": reduce(gcd, sizes) if len(sizes) > 1 else None, "rank": max(ranks) if len(ranks) > 1 else None}


def _varied(blueprint: Blueprint, key: str) -> set[int]:
    return {dict(slot.grid)[key] for slot in blueprint.slots if key in dict(slot.grid)}


def alike(blueprint: Blueprint) -> tuple[RunConfig, int]:
    """The configuration whose shape most of the sweep's first trials have, and how many these are.

    A value that is still to be drawn counts as the base's own; where the shape itself is drawn, no two trials are alike.
    """
    fixed = set(dict(blueprint.slots[0].grid))
    if any(key.startswith(_SHAPING) for key in set(blueprint.sweep.keys) - fixed):
        return blueprint.base, 1
    configs = [blueprint.config(dict(slot.grid), blueprint.settings.explore.seed) for slot in blueprint.slots]
    shapes = [repr((config.model, unranked(config.adapter) if config.adapter.name == "lora" else config.adapter)) for config in configs]
    most, count = Counter(shapes).most_common(1)[0]
    return configs[shapes.index(most)], count


def best_lanes(seconds: Mapping[int, float], steps: float = 1.0, start_seconds: float = 0.0) -> int:
    """The number of lanes that ends first; 1 unless it pays by a tenth.

    `seconds` of a lane's step by that number (1: alone), `steps` of all trials of one worker, `start_seconds` of the small actor that
    each lane has beside.
    """
    taken = {lanes: steps * step + (lanes * start_seconds if lanes > 1 else 0.0) for lanes, step in seconds.items()}
    best = min(taken, key=lambda lanes: taken[lanes])
    return best if taken[1] / taken[best] >= _WORTH else 1


def _measured(blueprint: Blueprint, resources: ResourcesConfig, shared: dict[str, int | None]) -> int:
    """Asks a worker with a slot's share of the machine what a step takes alone and in lanes."""
    import ray

    from sweeps.runner.fused.lane_host import measure

    config, count = alike(blueprint)
    available = ray.cluster_resources()
    workers = slots(resources, available.get("CPU", 1.0), available.get("GPU", 0.0))
    most = min(MOST_LANES, -(-count // workers))
    if most < 2:
        return 1
    threads = config.training.num_threads or max(1, int(resources.cpus_per_trial))
    data = replace(config.data, root=str(Path(config.data.root).resolve()))
    config = replace(config, training=replace(config.training, num_threads=threads), data=data)
    options = {"num_cpus": resources.cpus_per_trial, "num_gpus": gpu_count(resources) if resources.gpus_per_trial else 0}
    seconds, start_seconds = ray.get(ray.remote(**options)(measure).remote(to_plain(config), most, shared))
    return best_lanes(seconds, expected_steps(blueprint) / workers, start_seconds / max(1.0, resources.cpus_per_trial))
