from torch import Tensor, nn
from torch.nn import functional as F

from trainable.model.linear import Linear
from trainable.model.rotary import rotate
from trainable.spec.config import ModelConfig


class CausalSelfAttention(nn.Module):
    """Causal multi-head attention (Vaswani et al. 2017, section 3.2), with grouped key/value heads (Ainslie et al. 2023).

    Query, key and value stay separate projections, so that an adapter can name each.
    """

    def __init__(self, config: ModelConfig, *, bias: bool) -> None:
        super().__init__()
        self.head_dim = config.d_model // config.num_heads
        self.grouped = (config.num_kv_heads or config.num_heads) != config.num_heads
        kv_width = self.head_dim * (config.num_kv_heads or config.num_heads)
        self.dropout = config.dropout
        self.q_proj = Linear(config.d_model, config.d_model, bias=bias)
        self.k_proj = Linear(config.d_model, kv_width, bias=bias)
        self.v_proj = Linear(config.d_model, kv_width, bias=bias)
        self.output_proj = Linear(config.d_model, config.d_model, bias=bias)

    def forward(self, x: Tensor, rotation: Tensor | None = None) -> Tensor:
        """X [batch, time, d_model] to the same shape; `rotation` is a `RotaryEmbedding`'s table, None without rotary positions."""
        query, key, value = (proj(x).unflatten(-1, (-1, self.head_dim)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        if rotation is not None:
            query, key = rotate(query, rotation), rotate(key, rotation)
        mixed = F.scaled_dot_product_attention(
            query.transpose(1, 2),
            key.transpose(1, 2),
            value.transpose(1, 2),
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=True,
            enable_gqa=self.grouped,
        )
        return self.output_proj(mixed.transpose(1, 2).flatten(-2))  # type: ignore[no-any-return]
