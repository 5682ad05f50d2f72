"""The trained part of a model as what a hypothesis is coded by: one vector of numbers, and gates that are counts.

Of a model that `attach_adapter` returned, exactly the parameters that require gradients tell hypotheses apart. Those whose name ends
in ``gate`` are logits, one for each group of layers: the module that holds one has `size`, the group's number of coordinates d_l, and only
round(sigmoid(logit) d_l), a count from 0 to d_l, has an effect on the forward pass. All others are one vector.
"""

from collections.abc import Iterator

import torch
from torch import nn

GATE = "gate"
# sigmoid(20) = 1 - 2e-9: all coordinates of any group that fits into a memory, and a finite logit.
_LARGEST_LOGIT = 20.0


def coded_vector(model: nn.Module) -> torch.Tensor:
    """All trained numbers but the gates, in the order of `named_parameters()`: float [d], a copy on the model's device.

    d is the intrinsic dimension of a subspace, the number of a LoRA's weights, or of all weights where there is no adapter.
    """
    return torch.cat([parameter.detach().flatten() for parameter in _coded_parameters(model)])


def set_coded_vector(model: nn.Module, vector: torch.Tensor) -> None:
    """The inverse of `coded_vector`. Raises `ValueError` for another length."""
    parameters = list(_coded_parameters(model))
    sizes = [parameter.numel() for parameter in parameters]
    if vector.shape != (sum(sizes),):
        raise ValueError(f"the model is coded by {sum(sizes)} numbers, not by {tuple(vector.shape)}")
    with torch.no_grad():
        for parameter, part in zip(parameters, torch.split(vector, sizes), strict=True):
            parameter.copy_(part.view_as(parameter))


def gates(model: nn.Module) -> dict[str, float]:
    """gamma = sigmoid(logit), the share of a group's coordinates that goes to B, by group: ``0``, ``1``, ... and ``head``; {} without."""
    return {group: float(torch.sigmoid(logit.detach())) for group, logit, _ in _gates(model)}


def gate_counts(model: nn.Module) -> dict[str, tuple[int, int]]:
    """(coordinates of the group that go to B, all of them) by group."""
    return {group: (_count(logit, size), size) for group, logit, size in _gates(model)}


def gate_bits(model: nn.Module) -> int:
    """What the gates cost: a count from 0 to d_l takes ceil(log2(d_l + 1)) bits."""
    return sum(bits_of_count(size) for _, _, size in _gates(model))


def round_gates(model: nn.Module) -> None:
    """Sets each gate to the count it stands for, gamma = count / d_l; the forward pass stays as it is, for it rounds too."""
    with torch.no_grad():
        for _, logit, size in _gates(model):
            share = torch.tensor(_count(logit, size) / size, dtype=torch.float64)
            logit.copy_(torch.logit(share).clamp(-_LARGEST_LOGIT, _LARGEST_LOGIT))


def bits_of_count(largest: int) -> int:
    """Bits of a number from 0 to `largest`."""
    return largest.bit_length()


def _count(logit: torch.Tensor, size: int) -> int:
    return int(torch.round(torch.sigmoid(logit.detach()) * size))


def _trained(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad)


def _coded_parameters(model: nn.Module) -> Iterator[nn.Parameter]:
    return (parameter for name, parameter in _trained(model) if not is_gate(name))


def is_gate(name: str) -> bool:
    return name.rpartition(".")[2] == GATE


def _gates(model: nn.Module) -> Iterator[tuple[str, nn.Parameter, int]]:
    """(group, logit, size) of each gate."""
    for name, parameter in _trained(model):
        if is_gate(name):
            path = name.rpartition(".")[0]
            yield path.rpartition(".")[2], parameter, int(model.get_submodule(path).size)  # type: ignore[arg-type]
