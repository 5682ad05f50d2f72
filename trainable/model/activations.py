"""Bytes that a forward pass keeps for the backward pass, in closed form: no torch, so that a plan can be priced in milliseconds.

Counted from the operations of each model; a test holds them to what autograd keeps. Flash or memory-efficient attention is
assumed, which keeps queries, keys, values, output and one logarithm per row (Dao et al. 2022, section 3.1). On a CPU there is
neither with dropout, and three matrices [time, time] per head are kept instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from trainable.model.size import parameter_shapes
from trainable.spec.config import ModelConfig
from trainable.spec.mistakes import WrongRequest, unknown

_FP32, _BF16, _INT64 = 4, 2, 8
# Tensors of the feed-forward layer's hidden width that a layer keeps.
HIDDEN_TENSORS = {"transformer_lm": 4, "gpt2": 2}


@dataclass(frozen=True)
class Numerics:
    """How the pass is computed: under bf16 autocast or in plain float32, on which device."""

    bf16: bool = False
    on_cpu: bool = True

    @property
    def item_bytes(self) -> int:
        """Of what matrix products take and give."""
        return _BF16 if self.bf16 else _FP32

    @property
    def mask_bytes(self) -> int:
        """Of an entry of a dropout mask: a CPU keeps the scaled mask, a GPU a bool."""
        return self.item_bytes if self.on_cpu else 1


def saved_bytes(config: ModelConfig, rows: int, numerics: Numerics) -> int:
    """Bytes kept by the forward pass and loss of `rows` sequences, at full context and without activation checkpointing.

    Raises `WrongRequest` for an unknown architecture.
    """
    if config.architecture not in ACTIVATIONS:
        raise WrongRequest([unknown("model.architecture", config.architecture, ACTIVATIONS)])
    layer, final_norm, casts = ACTIVATIONS[config.architecture](config, numerics)
    per_token = config.num_layers * (layer + _attention(config, numerics)) + final_norm
    per_token += config.d_model * numerics.item_bytes  # what the head multiplies
    per_token += config.vocab_size * _FP32 + _INT64  # log-probabilities and targets
    if config.dropout:
        per_token += config.d_model * (_FP32 if numerics.on_cpu else 1)  # the mask of the embedding
    return rows * config.context_length * per_token + _FP32 + (casts * _BF16 if numerics.bf16 else 0)


def logits_bytes(config: ModelConfig, rows: int) -> int:
    """Bytes of one float32 tensor of logits."""
    return rows * config.context_length * config.vocab_size * _FP32


def small_blocks_bytes(config: ModelConfig, rows: int, numerics: Numerics, limit: int) -> int:
    """What `saved_bytes` counts in tensors below `limit` bytes: all but the logits, the feed-forward tensors or everything."""
    hidden, residual = feed_forward_bytes(config, rows, numerics), rows * config.context_length * config.d_model * numerics.item_bytes
    if residual >= limit:
        return 0
    large = logits_bytes(config, rows) if logits_bytes(config, rows) >= limit else 0
    large += config.num_layers * HIDDEN_TENSORS[config.architecture] * hidden if hidden >= limit else 0
    return saved_bytes(config, rows, numerics) - large


def feed_forward_bytes(config: ModelConfig, rows: int, numerics: Numerics) -> int:
    """Bytes of one hidden tensor of a feed-forward layer, the largest temporary inside a block."""
    return rows * config.context_length * config.d_ff * numerics.item_bytes


def _attention(config: ModelConfig, numerics: Numerics) -> int:
    """Per token and layer: queries, keys, values, the output (which the output projection takes), what the softmax keeps, masks."""
    d, heads, item = config.d_model, config.num_heads, numerics.item_bytes
    kv_width = d // heads * (config.num_kv_heads or heads)
    if not config.dropout:
        return (2 * d + 2 * kv_width) * item + heads * _FP32
    masks = 2 * d * numerics.mask_bytes
    if not numerics.on_cpu:
        return (2 * d + 2 * kv_width) * item + heads * _FP32 + masks
    # In float32 even under autocast, with grouped keys and values written out.
    return d * item + (3 * d + 3 * heads * config.context_length) * _FP32 + masks


def _transformer_lm(config: ModelConfig, numerics: Numerics) -> tuple[int, int, int]:
    """RMSNorm keeps its input and, on a CPU, the normalised input; SwiGLU keeps both gates, the activation and the product."""
    d, item = config.d_model, numerics.item_bytes
    norm = (2 if numerics.on_cpu else 1) * d * _FP32 + _FP32
    # Autocast makes a copy of a float32 input for every matrix that multiplies it.
    inputs = (3 + 2) * d * item if numerics.bf16 else 2 * d * item
    return 2 * norm + inputs + HIDDEN_TENSORS["transformer_lm"] * config.d_ff * item, norm, _matrix_entries(config)


def _gpt2(config: ModelConfig, numerics: Numerics) -> tuple[int, int, int]:
    """LayerNorm keeps its input, mean and inverse deviation; GELU its input, the second projection the activation."""
    d, item = config.d_model, numerics.item_bytes
    norm = d * _FP32 + 2 * _FP32
    inputs = (3 + 1) * d * item if numerics.bf16 else 2 * d * item
    return 2 * norm + inputs + HIDDEN_TENSORS["gpt2"] * config.d_ff * item, norm, _matrix_entries(config)


def _matrix_entries(config: ModelConfig) -> int:
    """Entries of the matrices that autocast copies: all but the tables that are only looked up, and the head even where it is tied."""
    shapes = parameter_shapes(config)
    entries = sum(prod(shape) for name, shape in shapes.items() if len(shape) == 2 and not name.endswith("embeddings.weight"))
    return entries + (config.vocab_size * config.d_model if config.tied_embeddings else 0)


# Bytes per token of a layer without its attention, bytes per token of the last norm, and entries copied by autocast.
ACTIVATIONS: dict[str, Callable[[ModelConfig, Numerics], tuple[int, int, int]]] = {
    "transformer_lm": _transformer_lm,
    "gpt2": _gpt2,
}
