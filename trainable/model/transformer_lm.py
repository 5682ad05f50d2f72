"""The decoder-only Transformer of the CS336 assignment: pre-norm, RMSNorm, SwiGLU, rotary positions, no biases."""

import math

from torch import Tensor, nn
from torch.nn import functional as F

from trainable.model.attention import CausalSelfAttention
from trainable.model.linear import Linear
from trainable.model.rotary import RotaryEmbedding
from trainable.spec.config import ModelConfig


class SwiGLU(nn.Module):
    """w2(silu(w1 x) * w3 x) (Shazeer 2020, "GLU Variants Improve Transformer", eq. 6)."""

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.w1 = Linear(d_model, d_ff, bias=False)
        self.w2 = Linear(d_ff, d_model, bias=False)
        self.w3 = Linear(d_model, d_ff, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.w2(F.silu(self.w1(x)) * self.w3(x))  # type: ignore[no-any-return]


class Block(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attn = CausalSelfAttention(config, bias=False)
        self.ln1 = nn.RMSNorm(config.d_model, eps=config.norm_eps)
        self.ln2 = nn.RMSNorm(config.d_model, eps=config.norm_eps)
        self.ffn = SwiGLU(config.d_model, config.d_ff)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, rotation: Tensor) -> Tensor:
        x = x + self.dropout(self.attn(self.ln1(x), rotation))
        return x + self.dropout(self.ffn(self.ln2(x)))  # type: ignore[no-any-return]


class TransformerLM(nn.Module):
    """Tokens [batch, time] to logits [batch, time, vocab_size]; parameter names as in the CS336 assignment.

    Initialisation (`initialise`): matrices truncated-normal with std sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010, eq. 12),
    the embedding truncated-normal with std 1, both cut at three std; norm weights 1.

    A tied embedding is also the output head, where std 1 would give logits of std sqrt(d_model) and a first loss of many times
    ln(vocab_size). It starts at std 1 / sqrt(d_model), for logits of unit variance, and the input is multiplied by sqrt(d_model)
    (Vaswani et al. 2017, section 3.4), so that the residual stream starts at unit scale, as in the untied model. Without the
    factor the blocks drown the token: 250 steps of the `tiny` model on Shakespeare end at 4.7 nats instead of 4.3 (untied: 4.2).
    The price: a token starts as its own likeliest successor, one to four nats of first loss which the first steps take away.

    Dropout: on the embedding, the attention weights and each residual branch, as in GPT-2.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embeddings = nn.Embedding(config.vocab_size, config.d_model)
        self.embedding_scale = math.sqrt(config.d_model) if config.tied_embeddings else 1.0
        self.rotary = RotaryEmbedding(config.d_model // config.num_heads, config.context_length, config.rope_theta)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.ln_final = nn.RMSNorm(config.d_model, eps=config.norm_eps)
        self.lm_head = Linear(config.d_model, config.vocab_size, bias=False)
        if config.tied_embeddings:
            self.lm_head.weight = self.token_embeddings.weight
        self.initialise()

    def initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                _truncated_normal(module.weight, math.sqrt(2 / (module.in_features + module.out_features)))
        # Last, because a tied head has just been drawn as a matrix.
        _truncated_normal(self.token_embeddings.weight, 1 / self.embedding_scale)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of the next token at every position; raises `ValueError` when time exceeds context_length."""
        time = tokens.shape[1]
        if time > self.config.context_length:
            raise ValueError(f"a sequence of {time} tokens is longer than context_length={self.config.context_length}")
        rotation = self.rotary(time)
        x = self.token_embeddings(tokens)
        if self.config.tied_embeddings:
            x = x * self.embedding_scale
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, rotation)
        return self.lm_head(self.ln_final(x))  # type: ignore[no-any-return]


def _truncated_normal(weight: Tensor, std: float) -> None:
    nn.init.trunc_normal_(weight, std=std, a=-3 * std, b=3 * std)
