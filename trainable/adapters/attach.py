from torch import nn

from trainable.adapters.checks import adapter_mistakes
from trainable.adapters.registry import ADAPTERS
from trainable.spec.config import AdapterConfig
from trainable.spec.mistakes import WrongRequest


def attach_adapter(model: nn.Module, config: AdapterConfig) -> nn.Module:
    """`model` (on the CPU) with the configured adapter; only what is to be trained requires gradients.

    Draws from torch's global generator, so the caller's seed decides the adapter's start. Raises `WrongRequest` with every mistake.
    """
    if found := adapter_mistakes(config):
        raise WrongRequest(found)
    return ADAPTERS[config.name].attach(model, config)
