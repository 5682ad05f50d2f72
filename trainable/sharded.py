"""A model in shards on the ranks that train it (FSDP2), and its state as whole tensors: checkpoints are alike for any number of them.

A sharded tensor is a DTensor, told from others by what it can do: importing the class takes half a second, and most runs do not need it.
"""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn


def shard(model: nn.Module, ranks: int, device: torch.device) -> None:
    """Leaves this rank its rows of every parameter of `model`, on `device` (Zhao et al. 2023, "PyTorch FSDP", section 3; ZeRO's stage 3).

    The model comes on the CPU and goes to the device one block at a time, so that the device never holds all of it. A block is
    gathered when it is needed and dropped again; what is in no block (embeddings, head, last norm) is one more group, which is
    there from the forward to the end of the backward pass. Gradients are averaged and sharded again after every micro-batch: they are
    never whole for more than a block.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    # Logits are a view, as every linear layer's output is; nothing here changes them in place.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view tensor", category=UserWarning)
    mesh = init_device_mesh(device.type, (ranks,))
    for block in _blocks(model):
        fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)


def is_sharded(tensor: Any) -> bool:
    return hasattr(tensor, "full_tensor")


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """`tensor` itself, or all of a sharded one, on every rank; every rank has to call this."""
    return tensor.full_tensor() if is_sharded(tensor) else tensor  # type: ignore[attr-defined]


def whole_state(state: Mapping[str, torch.Tensor], model: nn.Module, *, keep: bool) -> dict[str, torch.Tensor]:
    """A state dictionary of `model` as `whole_tree` gives it; a tied weight stays one tensor under both names."""
    first: dict[int, str] = {}
    names = {name: first.setdefault(id(p), name) for name, p in model.named_parameters(remove_duplicate=False)}
    found = {name: whole_tree(tensor, keep=keep) for name, tensor in state.items() if names.get(name, name) == name}
    return {name: found[names.get(name, name)] for name in state}


def whole_tree(tree: Any, *, keep: bool) -> Any:
    """A state dictionary with whole tensors in place of sharded ones; every rank has to call this.

    They lie on the CPU; where they are not to be kept they are empty, so that only one rank of a host needs the memory.
    """
    if isinstance(tree, Mapping):
        return {key: whole_tree(value, keep=keep) for key, value in tree.items()}
    if isinstance(tree, list):
        return [whole_tree(value, keep=keep) for value in tree]
    if not is_sharded(tree):
        return tree
    tensor = whole(tree)
    return tensor.cpu() if keep else tensor.new_empty(0)


def in_shards(state: Mapping[str, torch.Tensor], like: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """This rank's shards of the whole tensors `state`, where those of the same name in `like` are sharded."""
    return {name: _shard_of(tensor, like.get(name)) for name, tensor in state.items()}


def optimizer_state_in_shards(state: dict[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The state dictionary of an optimizer that moves every entry by itself: what has the shape of a parameter is sharded like it.

    By which kernel a step is taken (``fused``) stays as it is here: not every one knows shards.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    numbers = [number for group in state["param_groups"] for number in group["params"]]
    like = dict(zip(numbers, parameters, strict=True))
    return {
        "state": {number: _entries_like(like[number], entries) for number, entries in state["state"].items()},
        "param_groups": [
            {**group, **({"fused": own["fused"]} if "fused" in own else {})}
            for group, own in zip(state["param_groups"], optimizer.param_groups, strict=True)
        ],
    }


def _entries_like(parameter: torch.Tensor, entries: dict[str, Any]) -> dict[str, Any]:
    return {key: _shard_of(value, parameter) for key, value in entries.items()}


def _shard_of(value: Any, like: torch.Tensor | None) -> Any:
    if not (is_sharded(like) and isinstance(value, torch.Tensor) and like is not None and value.shape == like.shape):
        return value
    from torch.distributed.tensor import distribute_tensor

    mesh, placements = like.device_mesh, like.placements  # type: ignore[attr-defined]
    # Cut here, not sent by another rank; the copy lets go of the whole tensor.
    return distribute_tensor(value, mesh, placements, src_data_rank=None).clone()


def _blocks(model: nn.Module) -> Iterator[nn.Module]:
    """The members of every list of modules that is not inside another."""
    for child in model.children():
        if isinstance(child, nn.ModuleList):
            yield from child
        else:
            yield from _blocks(child)
