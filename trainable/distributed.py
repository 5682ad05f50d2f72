"""Several processes for one run (torchrun, Ray): every rank a share of the global batch, with the whole model or a shard of it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from trainable.sharded import is_sharded, shard


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
    world = World(dist.get_rank(), dist.get_world_size(), int(os.environ.get("LOCAL_RANK", "0")))
    if device_type == "cuda":
        torch.cuda.set_device(world.local_rank)  # where collectives without a tensor of their own take place
    return world


@contextmanager
def outside_world() -> Iterator[None]:
    """What is trained in the body is trained by this process alone, whatever it is a rank of."""
    hidden = {name: os.environ.pop(name) for name in ("RANK", "WORLD_SIZE") if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def leave_world(world: World) -> None:
    if not world.is_single and dist.is_initialized():
        dist.destroy_process_group()


def placed(model: nn.Module, world: World, device: torch.device, parallel: str) -> nn.Module:
    """`model` (on the CPU, the same on every rank) on `device`; with `parallel` fsdp this rank's shard of it, unless it is the only one."""
    if world.is_single or parallel != "fsdp":
        return model.to(device)
    shard(model, world.ranks, device)
    return model


def averaged(model: nn.Module, world: World, device: torch.device) -> nn.Module:
    """`model` with gradients averaged over the ranks; the model itself for a single process, and in shards, which average by themselves."""
    if world.is_single or any(is_sharded(parameter) for parameter in model.parameters()):
        return model
    return nn.parallel.DistributedDataParallel(model, device_ids=[device.index] if device.type == "cuda" else None)


def mean_over_ranks(value: torch.Tensor, world: World) -> torch.Tensor:
    """The mean of a tensor over all ranks, the same on every rank."""
    if world.is_single:
        return value
    total = value.clone()
    dist.all_reduce(total)
    return total / world.ranks


def of_all_ranks(value: Any, world: World) -> list[Any]:
    """`value` of every rank, by rank; every rank has to call this."""
    if world.is_single:
        return [value]
    found: list[Any] = [None] * world.ranks
    dist.all_gather_object(found, value)
    return found


def barrier(world: World) -> None:
    if not world.is_single:
        dist.barrier()
