"""A pretrained model's names and shapes, from its ``config.json`` alone: built on torch's meta device, without weights."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from trainable.model.exported import PRETRAINED
from trainable.model.transformers_library import first_line, local_first, place, quiet, transformers_library
from trainable.spec.config import ModelConfig
from trainable.spec.mistakes import WrongRequest

_PREFIX = "transformers_model."  # the attribute of PretrainedLM


def pretrained_shape(config: ModelConfig) -> ModelConfig:
    """`config` with the widths and counts of the pretrained model; its own longest sequence is the context. Raises `WrongRequest`."""
    shape: Any = _outline(place(config)).config
    return replace(
        config,
        architecture=PRETRAINED,
        vocab_size=shape.vocab_size,
        context_length=getattr(shape, "max_position_embeddings", config.context_length),
        d_model=shape.hidden_size,
        num_layers=shape.num_hidden_layers,
        num_heads=shape.num_attention_heads,
        tied_embeddings=shape.tie_word_embeddings,
    )


def parameters(config: ModelConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    return ((_PREFIX + name, tuple(p.shape)) for name, p in _outline(place(config)).named_parameters())


def linear_layers(config: ModelConfig) -> dict[str, tuple[int, int]]:
    """(outputs, inputs) by path; GPT-2's Conv1D is a linear layer whose weight is stored the other way round."""
    found = {}
    for path, module in _outline(place(config)).named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D":
            rows, columns = weight.shape  # type: ignore[union-attr]
            found[_PREFIX + path] = (rows, columns) if isinstance(module, nn.Linear) else (columns, rows)
    return found


def looked_up(config: ModelConfig) -> set[str]:
    """Embedding tables that are not also the output head."""
    model = _outline(place(config))
    head = model.get_output_embeddings().weight  # type: ignore[operator]
    tables = [(path, module) for path, module in model.named_modules() if isinstance(module, nn.Embedding)]
    return {f"{_PREFIX}{path}.weight" for path, table in tables if table.weight is not head}


@lru_cache(maxsize=8)
def _outline(name: str) -> nn.Module:
    transformers = transformers_library()
    read = transformers.AutoConfig.from_pretrained
    with quiet():
        shape = local_first(name, lambda source, is_local: read(source, local_files_only=is_local))
    try:
        with torch.device("meta"):
            model: nn.Module = transformers.AutoModelForCausalLM.from_config(shape)
    except Exception as error:  # a ValueError for the wrong kind of model; a strange shape may raise anything
        raise WrongRequest([f"model.pretrained={name}: not a causal language model ({first_line(error)})"]) from error
    return model
