"""Parameter shapes, counts and FLOPs of a model in closed form: no torch, so that a plan can be priced in milliseconds."""

from collections.abc import Callable, Iterator
from math import prod

from trainable.spec.config import ModelConfig
from trainable.spec.mistakes import WrongRequest, unknown

Shape = tuple[int, ...]


def parameter_shapes(config: ModelConfig) -> dict[str, Shape]:
    """Every parameter's name and shape, in the order of the model's `named_parameters()`; a tied head is not repeated.

    Raises `WrongRequest` for an unknown architecture.
    """
    if config.architecture not in SHAPES:
        raise WrongRequest([unknown("model.architecture", config.architecture, SHAPES)])
    return dict(SHAPES[config.architecture](config))


def parameter_count(config: ModelConfig) -> int:
    """Number of trainable scalars, tied ones once."""
    return sum(prod(shape) for shape in parameter_shapes(config).values())


def flops_per_token(config: ModelConfig) -> float:
    """Forward and backward FLOPs per token at full context: 6 N + 12 L H Q T (Chowdhery et al. 2022, PaLM, appendix B).

    N leaves out tables that are only looked up (positions, and a token embedding that is not also the head); H Q = d_model.
    """
    shapes = parameter_shapes(config)
    looked_up = {"position_embeddings.weight"} | (set() if config.tied_embeddings else {"token_embeddings.weight"})
    multiplied = sum(prod(shape) for name, shape in shapes.items() if name not in looked_up)
    return 6.0 * multiplied + 12.0 * config.num_layers * config.d_model * config.context_length


def _transformer_lm(config: ModelConfig) -> Iterator[tuple[str, Shape]]:
    d, ff = config.d_model, config.d_ff
    yield "token_embeddings.weight", (config.vocab_size, d)
    for i in range(config.num_layers):
        yield from _attention(config, f"layers.{i}.attn", bias=False)
        yield f"layers.{i}.ln1.weight", (d,)
        yield f"layers.{i}.ln2.weight", (d,)
        yield f"layers.{i}.ffn.w1.weight", (ff, d)
        yield f"layers.{i}.ffn.w2.weight", (d, ff)
        yield f"layers.{i}.ffn.w3.weight", (ff, d)
    yield "ln_final.weight", (d,)
    if not config.tied_embeddings:
        yield "lm_head.weight", (config.vocab_size, d)


def _gpt2(config: ModelConfig) -> Iterator[tuple[str, Shape]]:
    d, ff = config.d_model, config.d_ff
    yield "token_embeddings.weight", (config.vocab_size, d)
    yield "position_embeddings.weight", (config.context_length, d)
    for i in range(config.num_layers):
        yield from _with_bias(f"layers.{i}.ln1", (d,))
        yield from _attention(config, f"layers.{i}.attn", bias=True)
        yield from _with_bias(f"layers.{i}.ln2", (d,))
        yield from _with_bias(f"layers.{i}.ffn.w1", (ff, d))
        yield from _with_bias(f"layers.{i}.ffn.w2", (d, ff))
    yield from _with_bias("ln_final", (d,))
    if not config.tied_embeddings:
        yield "lm_head.weight", (config.vocab_size, d)


def _attention(config: ModelConfig, path: str, *, bias: bool) -> Iterator[tuple[str, Shape]]:
    d = config.d_model
    kv_width = d // config.num_heads * (config.num_kv_heads or config.num_heads)
    for name, rows in (("q_proj", d), ("k_proj", kv_width), ("v_proj", kv_width), ("output_proj", d)):
        projection = _with_bias(f"{path}.{name}", (rows, d))
        yield from projection if bias else [next(projection)]


def _with_bias(path: str, shape: Shape) -> Iterator[tuple[str, Shape]]:
    yield f"{path}.weight", shape
    yield f"{path}.bias", shape[:1]


SHAPES: dict[str, Callable[[ModelConfig], Iterator[tuple[str, Shape]]]] = {
    "transformer_lm": _transformer_lm,
    "gpt2": _gpt2,
}
