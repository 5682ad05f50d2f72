from collections.abc import Callable

from torch import nn

from trainable.model.exported import PRETRAINED, exported_shape, is_exported, load_weights
from trainable.model.gpt2 import GPT2
from trainable.model.pretrained import load_pretrained
from trainable.model.transformer_lm import TransformerLM
from trainable.spec.config import ModelConfig
from trainable.spec.mistakes import WrongRequest, unknown

# Each model also has its line in `size.SHAPES`, which counts it without torch.
MODELS: dict[str, Callable[[ModelConfig], nn.Module]] = {
    "transformer_lm": TransformerLM,
    "gpt2": GPT2,
}


def build_model(config: ModelConfig) -> nn.Module:
    """A float32 model, fresh or with pretrained weights; tokens [batch, time] to logits [batch, time, vocab_size], its `config` kept.

    Draws from torch's global generator, so the caller's seed decides the weights. A tied head is one parameter under two names:
    `named_parameters()` gives it once, `state_dict()` twice, sharing storage. Raises `WrongRequest` for an unknown architecture,
    and for pretrained weights that cannot be had.
    """
    if is_exported(config.pretrained):
        shape = exported_shape(config)
        model = MODELS[shape.architecture](shape)
        load_weights(model, config)
        return model
    if config.pretrained or config.architecture == PRETRAINED:
        return load_pretrained(config)
    if config.architecture not in MODELS:
        raise WrongRequest([unknown("model.architecture", config.architecture, MODELS)])
    return MODELS[config.architecture](config)
