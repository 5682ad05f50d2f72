"""A trial that several processes train together: the trial's actor is the first rank and starts the others beside it, data parallel.

Each rank is a process with its share of the trial's CPUs and GPUs, in its own place of the trial's placement group.
"""

import os
import socket
from typing import TYPE_CHECKING, Any

import ray
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from trainable.ray_trainable import TransformerTrainable, open_run

if TYPE_CHECKING:
    from trainable.trainer import Evaluation, Trainer

_WORLD = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


class RankedTrainable(TransformerTrainable):
    """Rank 0; it alone writes files, and its evaluations are the trial's. The other ranks live as long as it does."""

    def setup(self, config: dict[str, Any]) -> None:
        super().setup(config)
        group = ray.util.get_current_placement_group()
        self.others = [_rank_beside(group, place) for place in range(1, len(group.bundle_specs))]

    def open(self) -> "Trainer":
        address, ranks = (ray.util.get_node_ip_address(), free_port()), len(self.others) + 1
        opening = [other.open.remote(self.run, world(rank, ranks, address)) for rank, other in enumerate(self.others, 1)]
        os.environ.update(world(0, ranks, address))
        trainer = open_run(self.run)
        ray.get(opening)
        return trainer

    def advance(self, trainer: "Trainer") -> "Evaluation":
        going = [other.advance.remote() for other in self.others]
        evaluation = trainer.advance()
        ray.get(going)
        return evaluation

    def let_go(self) -> None:
        closing = [other.let_go.remote() for other in self.others] if self.trainer is not None else []
        super().let_go()
        ray.get(closing)

    def cleanup(self) -> None:
        super().cleanup()
        for other in self.others:
            ray.kill(other)


class Rank:
    """Any other rank: it does as the first one does, and writes nothing."""

    def __init__(self) -> None:
        self.trainer: Trainer | None = None

    def open(self, run: dict[str, Any], surroundings: dict[str, str]) -> None:
        os.environ.update(surroundings)
        self.trainer = open_run(run)

    def advance(self) -> None:
        assert self.trainer is not None, "opened before it advances"
        self.trainer.advance()

    def let_go(self) -> None:
        if self.trainer is not None:
            self.trainer.close()
        self.trainer = None


def world(rank: int, ranks: int, address: tuple[str, int]) -> dict[str, str]:
    """What torchrun would put into a rank's environment; Ray shows each process its own GPU as the first."""
    return dict(zip(_WORLD, map(str, (rank, ranks, 0, *address)), strict=True))


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("", 0))
        port: int = free.getsockname()[1]
    return port


def _rank_beside(group: Any, place: int) -> Any:
    bundle = group.bundle_specs[place]
    there = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=place)
    options = {"num_cpus": bundle.get("CPU", 0), "num_gpus": bundle.get("GPU", 0), "scheduling_strategy": there}
    return ray.remote(Rank).options(**options).remote()
