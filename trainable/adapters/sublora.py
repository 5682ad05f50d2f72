"""SubLoRA (Lotfi et al. 2023, "Non-Vacuous Generalization Bounds for Large Language Models"): a LoRA's weights as theta0 + P z.

Only z, of length d, is trained, from 0; theta0, drawn as a LoRA's, P and the model are frozen. Without a rank P acts on all weights of
the model (Li et al. 2018), with d = 0 the LoRA itself is trained, and with neither the whole model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainable.adapters.entry import AdapterEntry, Linears, Shape, Shapes
from trainable.adapters.lora import LORA
from trainable.adapters.subspace.allocation import plan, sizes_of_groups
from trainable.adapters.subspace.rules import RULES, setting_mistakes, size_mistakes
from trainable.spec.config import AdapterConfig
from trainable.spec.mistakes import WrongRequest

if TYPE_CHECKING:
    from torch import nn


def attach(model: nn.Module, config: AdapterConfig) -> nn.Module:
    """Raises `WrongRequest` when a target module does not exist, or the subspace does not fit the weights."""
    from trainable.adapters.subspace.model import SubspaceModel
    from trainable.adapters.subspace.registry import PROJECTORS

    net = LORA.attach(model, config) if config.rank else model
    if not config.intrinsic_dim:
        return net
    shapes = {name: tuple(parameter.shape) for name, parameter in net.named_parameters() if parameter.requires_grad}
    if found := size_mistakes(config, shapes):
        raise WrongRequest(found)
    return SubspaceModel(net, plan(config, shapes), PROJECTORS[config.projector or ""], config.projector_seed or 0)


def trainable(config: AdapterConfig, shapes: Shapes, linears: Linears) -> dict[str, Shape]:
    """d coordinates and a gate for each group; what the LoRA or the model has where d = 0."""
    moved = LORA.trainable(config, shapes, linears) if config.rank else dict(shapes)
    if not config.intrinsic_dim:
        return moved
    gates = sizes_of_groups(plan(config, moved))
    return {"coordinates": (config.intrinsic_dim,)} | {f"gates.{group}.gate": () for group in gates}


def merged(model: nn.Module) -> nn.Module:
    """As of a LoRA. Raises `WrongRequest` where a LoRA's cannot be merged."""
    from peft.tuners.lora import LoraLayer

    from trainable.adapters.subspace.model import SubspaceModel

    net = model.plain() if isinstance(model, SubspaceModel) else model
    return LORA.merged(net) if any(isinstance(module, LoraLayer) for module in net.modules()) else net


def misfits(config: AdapterConfig, shapes: Shapes, linears: Linears) -> list[str]:
    return size_mistakes(config, LORA.trainable(config, shapes, linears) if config.rank else shapes)


SUBLORA = AdapterEntry(
    attach,
    trainable,
    merged,
    settings=LORA.settings | frozenset({"intrinsic_dim", "projector", "projector_seed", "allocation", "allocation_ratio", "gate_lr"}),
    required=LORA.required | frozenset({"intrinsic_dim", "projector", "projector_seed", "allocation"}),
    package="peft",
    rules=RULES,
    mistakes=setting_mistakes,
    misfits=misfits,
)
