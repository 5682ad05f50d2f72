from torch import nn
from torch.optim import Optimizer

from trainable.optim.checks import optimizer_mistakes
from trainable.optim.entry import ParameterGroup
from trainable.optim.parameter_roles import decays, is_gate
from trainable.optim.registry import OPTIMIZERS
from trainable.spec.config import OptimizerConfig
from trainable.spec.mistakes import WrongRequest


def build_optimizer(model: nn.Module, config: OptimizerConfig, gate_lr: float | None = None) -> Optimizer:
    """The optimizer of the model's trainable parameters, on their device; call it after moving the model there.

    `gate_lr` is the peak learning rate of gates; None: that of all others. Raises `WrongRequest` with every mistake of `config`.
    """
    mistakes = optimizer_mistakes(config)
    if mistakes:
        raise WrongRequest(mistakes)
    groups = parameter_groups(model, config.weight_decay, gate_scale=1.0 if gate_lr is None else gate_lr / config.lr)
    device = groups[0]["params"][0][1].device
    return OPTIMIZERS[config.name].build(groups, config, device)


def parameter_groups(model: nn.Module, weight_decay: float, gate_scale: float = 1.0) -> list[ParameterGroup]:
    """Trainable parameters as (name, parameter), parted as in nanoGPT: tensors of two and more dimensions decay, others do not.

    Embeddings and a subspace's coordinates decay; norms and biases do not; gates do not, and learn at `gate_scale` times the learning
    rate; a tied parameter appears once, under its first name. A group without members is left out. Raises `ValueError` when nothing
    is trainable.
    """
    trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if not trainable:
        raise ValueError("the model has no trainable parameters")
    gates = [(name, p) for name, p in trainable if is_gate(name)]
    others = [(name, p) for name, p in trainable if not is_gate(name)]
    groups: list[ParameterGroup] = [
        {"params": [(name, p) for name, p in others if decays(name, tuple(p.shape))], "weight_decay": weight_decay},
        {"params": [(name, p) for name, p in others if not decays(name, tuple(p.shape))], "weight_decay": 0.0},
        {"params": gates, "weight_decay": 0.0, "lr_scale": gate_scale},
    ]
    return [group for group in groups if group["params"]]
