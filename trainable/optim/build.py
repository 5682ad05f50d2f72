from torch import nn
from torch.optim import Optimizer

from trainable.optim.checks import optimizer_mistakes
from trainable.optim.entry import ParameterGroup
from trainable.optim.registry import OPTIMIZERS
from trainable.spec.config import OptimizerConfig
from trainable.spec.mistakes import WrongRequest


def build_optimizer(model: nn.Module, config: OptimizerConfig) -> Optimizer:
    """The optimizer of the model's trainable parameters, on their device; call it after moving the model there.

    Raises `WrongRequest` with every mistake of `config`.
    """
    mistakes = optimizer_mistakes(config)
    if mistakes:
        raise WrongRequest(mistakes)
    groups = parameter_groups(model, config.weight_decay)
    device = groups[0]["params"][0][1].device
    return OPTIMIZERS[config.name].build(groups, config, device)


def parameter_groups(model: nn.Module, weight_decay: float) -> list[ParameterGroup]:
    """Trainable parameters as (name, parameter), parted as in nanoGPT: tensors of two and more dimensions decay, others do not.

    Embeddings decay; norms and biases do not; a tied parameter appears once, under its first name. A group without members is
    left out. Raises `ValueError` when nothing is trainable.
    """
    trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if not trainable:
        raise ValueError("the model has no trainable parameters")
    groups: list[ParameterGroup] = [
        {"params": [(name, p) for name, p in trainable if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [(name, p) for name, p in trainable if p.dim() < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
