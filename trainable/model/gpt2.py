"""GPT-2 (Radford et al. 2019) out of plain linear layers: learned positions, LayerNorm, GELU, biases."""

from torch import Tensor, nn
from torch.nn import functional as F

from trainable.model.attention import CausalSelfAttention
from trainable.model.linear import Linear
from trainable.spec.config import ModelConfig


class FeedForward(nn.Module):
    """w2(gelu(w1 x)), with the tanh form of GELU (Hendrycks and Gimpel 2016, section 2) that GPT-2 was trained with."""

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.w1 = Linear(d_model, d_ff)
        self.w2 = Linear(d_ff, d_model)

    def forward(self, x: Tensor) -> Tensor:
        return self.w2(F.gelu(self.w1(x), approximate="tanh"))  # type: ignore[no-any-return]


class Block(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.ln1 = nn.LayerNorm(config.d_model, eps=config.norm_eps)
        self.attn = CausalSelfAttention(config, bias=True)
        self.ln2 = nn.LayerNorm(config.d_model, eps=config.norm_eps)
        self.ffn = FeedForward(config.d_model, config.d_ff)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attn(self.ln1(x)))
        return x + self.dropout(self.ffn(self.ln2(x)))  # type: ignore[no-any-return]


class PositionEmbedding(nn.Embedding):
    """The vectors of the positions that tokens [batch, time] stand at, [time, width]."""

    def forward(self, tokens: Tensor) -> Tensor:
        return self.weight[: tokens.shape[1]]


class GPT2(nn.Module):
    """Tokens [batch, time] to logits [batch, time, vocab_size]; modules are named as in `TransformerLM`.

    Initialisation (`initialise`; Radford et al. 2019, section 2.3, and the released code): matrices and embeddings N(0, 0.02),
    biases 0, and the two projections into the residual stream divided by sqrt(2 * num_layers), the number of branches added to it.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embeddings = nn.Embedding(config.vocab_size, config.d_model)
        self.position_embeddings = PositionEmbedding(config.context_length, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.ln_final = nn.LayerNorm(config.d_model, eps=config.norm_eps)
        self.lm_head = Linear(config.d_model, config.vocab_size, bias=False)
        if config.tied_embeddings:
            self.lm_head.weight = self.token_embeddings.weight
        self.initialise()

    def initialise(self) -> None:
        residual_std = 0.02 / (2 * self.config.num_layers) ** 0.5
        for name, parameter in self.named_parameters():
            if name.endswith(".bias"):
                nn.init.zeros_(parameter)
            elif parameter.dim() == 2:
                into_residual = name.endswith(("attn.output_proj.weight", "ffn.w2.weight"))
                nn.init.normal_(parameter, std=residual_std if into_residual else 0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of the next token at every position; raises `ValueError` when time exceeds context_length."""
        time = tokens.shape[1]
        if time > self.config.context_length:
            raise ValueError(f"a sequence of {time} tokens is longer than context_length={self.config.context_length}")
        x = self.token_embeddings(tokens) + self.position_embeddings(tokens)
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x)
        return self.lm_head(self.ln_final(x))  # type: ignore[no-any-return]
