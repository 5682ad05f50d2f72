"""The same model and data in Hugging Face's classes and the plain PyTorch recipe: what one would write without this project."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from trainable.data.prepared import Tokens
from trainable.spec.config import ModelConfig, RunConfig


def peer_model(config: ModelConfig) -> nn.Module:
    """GPT-2 or Llama of Hugging Face with the shape of `config`, freshly initialised, as the library builds it by default."""
    from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig

    shared = {"vocab_size": config.vocab_size, "tie_word_embeddings": config.tied_embeddings, "use_cache": False}
    if config.architecture == "gpt2":
        shape: Any = GPT2Config(
            **shared,
            n_positions=config.context_length,
            n_embd=config.d_model,
            n_layer=config.num_layers,
            n_head=config.num_heads,
            n_inner=config.d_ff,
            **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), config.dropout),
        )
    else:
        shape = LlamaConfig(
            **shared,
            max_position_embeddings=config.context_length,
            hidden_size=config.d_model,
            intermediate_size=config.d_ff,
            num_hidden_layers=config.num_layers,
            num_attention_heads=config.num_heads,
            num_key_value_heads=config.num_kv_heads or config.num_heads,
            rms_norm_eps=config.norm_eps,
            rope_parameters={"rope_type": "default", "rope_theta": config.rope_theta},
        )
    model: nn.Module = AutoModelForCausalLM.from_config(shape, dtype=torch.float32)
    return model.train()


class _Windows(Dataset[torch.Tensor]):
    """Every window of the tokens, as a `DataLoader` shuffles them."""

    def __init__(self, tokens: Tokens, length: int) -> None:
        self.tokens, self.length = tokens, length

    def __len__(self) -> int:
        return len(self.tokens) - self.length + 1

    def __getitem__(self, start: int) -> torch.Tensor:
        return torch.tensor(self.tokens[start : start + self.length].astype("int64"))


def peer_step(config: RunConfig, tokens: Tokens, device: torch.device, autocast: torch.dtype | None) -> Callable[[], float]:
    """One step of the plain recipe: `DataLoader`, forward with labels, backward, clipping, `AdamW`, scheduler, and the loss read."""
    model = peer_model(config.model).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.optimizer.lr, weight_decay=config.optimizer.weight_decay)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=config.training.max_steps)
    windows = _Windows(tokens, config.model.context_length)
    loader = DataLoader(windows, batch_size=config.training.batch_size, shuffle=True, pin_memory=device.type == "cuda", drop_last=True)
    batches = _endless(loader)

    def step() -> float:
        x = next(batches).to(device, non_blocking=True)
        with torch.autocast(device.type, dtype=autocast, enabled=autocast is not None):
            loss = model(input_ids=x, labels=x).loss
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.training.grad_clip)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        return float(loss.item())

    return step


def _endless(loader: DataLoader[torch.Tensor]) -> Iterator[torch.Tensor]:
    while True:
        yield from loader
