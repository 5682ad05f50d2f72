"""Causal language models of the Hugging Face hub or of a local folder."""

from pathlib import Path

import torch
from torch import Tensor, nn

from trainable.model.transformers_library import local_first, place, quiet, transformers_library, weights_folder
from trainable.spec.config import ModelConfig
from trainable.spec.mistakes import WrongRequest


class PretrainedLM(nn.Module):
    """A transformers model with the interface of ours: tokens [batch, time] to logits [batch, time, vocab_size]."""

    def __init__(self, config: ModelConfig, transformers_model: nn.Module) -> None:
        super().__init__()
        self.config = config
        self.transformers_model = transformers_model

    def forward(self, tokens: Tensor) -> Tensor:
        return self.transformers_model(input_ids=tokens, use_cache=False).logits  # type: ignore[no-any-return]

    def save(self, folder: Path) -> None:
        """Writes ``config.json`` and ``model.safetensors``, which `AutoModelForCausalLM.from_pretrained` reads."""
        with quiet():
            self.transformers_model.save_pretrained(folder)  # type: ignore[operator]


def load_pretrained(config: ModelConfig) -> PretrainedLM:
    """The model with its weights, float32, in training mode; torch's generator is not touched.

    Only safetensors are read, and no code of the repository is run. Raises `WrongRequest` when it cannot be had, or is not whole.
    """
    name, load = place(config), transformers_library().AutoModelForCausalLM.from_pretrained
    options = {"dtype": torch.float32, "use_safetensors": True, "output_loading_info": True, "local_files_only": True}
    with quiet():
        model, found = local_first(name, lambda source, is_local: load(weights_folder(source, is_local), **options))
    if lacking := sorted(map(str, [*found["missing_keys"], *found["mismatched_keys"]])):
        raise WrongRequest([f"model.pretrained={name}: {len(lacking)} weights are missing or of another shape, such as {lacking[0]}"])
    return PretrainedLM(config, model.train())
