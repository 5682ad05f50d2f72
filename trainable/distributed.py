"""Several processes for one run (torchrun): data parallel, every rank a share of the global batch."""

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn


@dataclass(frozen=True)
class World:
    rank: int = 0
    ranks: int = 1
    local_rank: int = 0

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    @property
    def is_single(self) -> bool:
        return self.ranks == 1


def join_world(device_type: str) -> World:
    """The world that torchrun's environment describes; a single process without it."""
    if "RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return World()
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device_type == "cuda" else "gloo")
    return World(dist.get_rank(), dist.get_world_size(), int(os.environ.get("LOCAL_RANK", "0")))


def leave_world(world: World) -> None:
    if not world.is_single and dist.is_initialized():
        dist.destroy_process_group()


def parallel(model: nn.Module, world: World, device: torch.device) -> nn.Module:
    """`model` with gradients averaged over the ranks; the model itself for a single process."""
    if world.is_single:
        return model
    return nn.parallel.DistributedDataParallel(model, device_ids=[device.index] if device.type == "cuda" else None)


def mean_over_ranks(value: torch.Tensor, world: World) -> torch.Tensor:
    """The mean of a tensor over all ranks, the same on every rank."""
    if world.is_single:
        return value
    total = value.clone()
    dist.all_reduce(total)
    return total / world.ranks


def barrier(world: World) -> None:
    if not world.is_single:
        dist.barrier()
