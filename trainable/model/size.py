"""Parameter shapes, counts and FLOPs of a model in closed form: no torch, so that a plan can be priced in milliseconds.

Only a model of the Hugging Face hub has no closed form here; it is outlined by its own library, without weights.
"""

from collections.abc import Callable, Iterator
from math import prod

from trainable.model.exported import PRETRAINED, exported_shape, is_exported
from trainable.spec.config import ModelConfig
from trainable.spec.mistakes import WrongRequest, unknown

Shape = tuple[int, ...]


def parameter_shapes(config: ModelConfig) -> dict[str, Shape]:
    """Every parameter's name and shape, in the order of the model's `named_parameters()`; a tied head is not repeated.

    Raises `WrongRequest` for an unknown architecture, and for a pretrained model whose shape cannot be had.
    """
    return _shapes(resolved(config))


def linear_shapes(config: ModelConfig) -> dict[str, tuple[int, int]]:
    """(outputs, inputs) of every linear layer by the path of its module, a tied head included: what an adapter can adapt."""
    config = resolved(config)
    if config.architecture == PRETRAINED:
        from trainable.model.outline import linear_layers

        return linear_layers(config)
    matrices = {name.removesuffix(".weight"): shape for name, shape in _shapes(config).items() if len(shape) == 2}
    linears = {path: (shape[0], shape[1]) for path, shape in matrices.items() if not path.endswith("embeddings")}
    return linears | {"lm_head": (config.vocab_size, config.d_model)}


def parameter_count(config: ModelConfig) -> int:
    """Number of scalars, tied ones once."""
    return sum(prod(shape) for shape in parameter_shapes(config).values())


def flops_per_token(config: ModelConfig) -> float:
    """Forward and backward FLOPs per token at full context: 6 N + 12 L H Q T (Chowdhery et al. 2022, PaLM, appendix B).

    N leaves out tables that are only looked up (positions, and a token embedding that is not also the head); H Q = d_model.
    """
    context_length, config = config.context_length, resolved(config)
    looked_up = _looked_up(config)
    multiplied = sum(prod(shape) for name, shape in _shapes(config).items() if name not in looked_up)
    return 6.0 * multiplied + 12.0 * config.num_layers * config.d_model * context_length


def resolved(config: ModelConfig) -> ModelConfig:
    """With the shape and the longest context of the pretrained model, where one is given. Raises `WrongRequest` when it cannot be had."""
    if is_exported(config.pretrained):
        return exported_shape(config)
    if config.pretrained or config.architecture == PRETRAINED:
        from trainable.model.outline import pretrained_shape

        return pretrained_shape(config)
    return config


def _shapes(config: ModelConfig) -> dict[str, Shape]:
    if config.architecture == PRETRAINED:
        from trainable.model.outline import parameters

        return dict(parameters(config))
    if config.architecture not in SHAPES:
        raise WrongRequest([unknown("model.architecture", config.architecture, SHAPES)])
    return dict(SHAPES[config.architecture](config))


def _looked_up(config: ModelConfig) -> set[str]:
    if config.architecture == PRETRAINED:
        from trainable.model.outline import looked_up

        return looked_up(config)
    return {"position_embeddings.weight"} | (set() if config.tied_embeddings else {"token_embeddings.weight"})


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
