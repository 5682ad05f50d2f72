"""Low-rank adaptation (Hu et al. 2021, eq. 3) through Hugging Face's peft: W x + (alpha / r) B A x, only A and B trained.

A [r, inputs] starts uniform in ±1/sqrt(inputs), B [outputs, r] at 0, so that the adapted model starts as the model itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainable.adapters.entry import AdapterEntry, Linears, Shape, Shapes
from trainable.adapters.targets import target_mistakes, targeted
from trainable.spec.config import AdapterConfig
from trainable.spec.kernel_notice import without_kernel_notice
from trainable.spec.mistakes import WrongRequest

if TYPE_CHECKING:
    import torch
    from torch import nn

_FOREIGN = "transformers_model"  # where a model of ours holds one of the transformers library


def alpha(config: AdapterConfig) -> float:
    """The numerator of the update's scale: fixed, or tied to the rank."""
    return config.alpha if config.alpha is not None else (config.alpha_factor or 1.0) * (config.rank or 1)


def unranked(config: AdapterConfig) -> AdapterConfig:
    """Without what tells updates of one shape apart but for their rank."""
    return replace(config, rank=None, alpha=None, alpha_factor=None)


def attach(model: nn.Module, config: AdapterConfig) -> nn.Module:
    """Raises `WrongRequest` when a target module does not exist."""
    with without_kernel_notice():  # peft imports bitsandbytes where it is installed
        import peft

    adapted = getattr(model, _FOREIGN, model)
    linears = _linear_layers(adapted)
    names = config.target_modules or []
    if found := target_mistakes(linears, names):
        raise WrongRequest(found)
    lora = peft.LoraConfig(
        r=config.rank,
        lora_alpha=alpha(config),
        lora_dropout=config.dropout,
        target_modules=names,
        fan_in_fan_out=any(type(linears[path]).__name__ == "Conv1D" for path in targeted(linears, names)),
        task_type=None if adapted is model else "CAUSAL_LM",
    )
    with warnings.catch_warnings():
        # A tied head is adapted without its embedding on purpose; `merged` refuses where that matters.
        warnings.filterwarnings("ignore", message="Model has `tie_word_embeddings=True`")
        warnings.filterwarnings("ignore", category=FutureWarning)  # between peft and transformers, not ours to mend
        wrapped = peft.get_peft_model(adapted, lora)
    lora.target_modules = names  # peft makes a set of it, which would be written in another order every time
    lora.base_model_name_or_path = getattr(model.config, "pretrained", None)
    return _put_back(model, wrapped)


def trainable(config: AdapterConfig, shapes: Shapes, linears: Linears) -> dict[str, Shape]:  # noqa: ARG001 (one signature for every adapter)
    """r (inputs + outputs) scalars for each adapted layer; names as in ``adapter_model.safetensors``, without its prefix."""
    rank, found = config.rank or 0, dict[str, Shape]()
    for path in targeted(linears, config.target_modules or []):
        outputs, inputs = linears[path]
        found |= {f"{path}.lora_A.weight": (rank, inputs), f"{path}.lora_B.weight": (outputs, rank)}
    return found


def save(model: nn.Module, trained: Mapping[str, torch.Tensor], folder: Path) -> None:
    """``adapter_model.safetensors`` and ``adapter_config.json``, which `peft.PeftModel.from_pretrained` reads onto the base model."""
    import peft
    from safetensors.torch import save_file

    wrapped = _wrapped(model)
    state = {name.removeprefix("" if wrapped is model else f"{_FOREIGN}."): tensor for name, tensor in trained.items()}
    tensors = peft.get_peft_model_state_dict(wrapped, state_dict=state, save_embedding_layers=False)
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, folder / "adapter_model.safetensors")
    wrapped.peft_config["default"].save_pretrained(str(folder))


def merged(model: nn.Module) -> nn.Module:
    """W + (alpha / r) B A in place of W. Raises `WrongRequest` for an adapted head whose weight is the embedding's too."""
    from peft.tuners.lora import LoraLayer
    from torch import nn

    wrapped = _wrapped(model)
    tables = [module.weight for module in wrapped.modules() if isinstance(module, nn.Embedding)]
    layers = [module for module in wrapped.modules() if isinstance(module, LoraLayer)]
    if any(layer.get_base_layer().weight is table for layer in layers for table in tables):
        raise WrongRequest(
            ["the adapted output head shares its weight with the embedding, so merging would change both: use the adapter as it is"]
        )
    return _put_back(model, wrapped.merge_and_unload())


def _put_back(model: nn.Module, adapted: nn.Module) -> nn.Module:
    if not hasattr(model, _FOREIGN):
        return adapted
    setattr(model, _FOREIGN, adapted)
    return model


def _wrapped(model: nn.Module) -> Any:
    return getattr(model, _FOREIGN, model)


def _linear_layers(model: nn.Module) -> dict[str, nn.Module]:
    from torch import nn

    # GPT-2 of the transformers library has linear layers of its own make.
    return {path: m for path, m in model.named_modules() if isinstance(m, nn.Linear) or type(m).__name__ == "Conv1D"}


LORA = AdapterEntry(
    attach,
    trainable,
    merged,
    save,
    shards=True,
    settings=frozenset({"rank", "alpha", "alpha_factor", "dropout", "target_modules"}),
    required=frozenset({"rank", "dropout", "target_modules"}),
    package="peft",
)
