"""What a parameter is to the model, read from its name and shape: pure, so that a plan and a run agree."""

import re
from collections.abc import Iterable

from trainable.optim.shapes import Shape

# Our models and Hugging Face's: token_embeddings, embed_tokens, wte, wpe, lm_head.
_EMBEDDING_OR_HEAD = re.compile(r"embed|(^|\.)(wte|wpe|lm_head|head)(\.|$)")
_LAYER = re.compile(r"(^|\.)(\d+)(\.|$)")


def is_embedding_or_head(name: str) -> bool:
    return _EMBEDDING_OR_HEAD.search(name) is not None


def is_hidden_matrix(name: str, shape: Shape) -> bool:
    """A matrix between hidden layers: neither embedding nor output head, nor a vector, nor a stack of matrices."""
    return len(shape) == 2 and not is_embedding_or_head(name)


def decays(name: str, shape: Shape) -> bool:
    """Whether weight decay acts on it: tensors of two and more dimensions, and the coordinates that stand for such (of a subspace)."""
    return len(shape) >= 2 or name.rpartition(".")[2] == "coordinates"


def is_gate(name: str) -> bool:
    """A logit that shares something out, and learns at a rate of its own."""
    return name.rpartition(".")[2] == "gate"


def layer_of(name: str) -> int | None:
    """3 for ``layers.3.attn.q_proj.weight``; None outside the numbered blocks."""
    found = _LAYER.search(name)
    return int(found[2]) if found else None


def layer_count(names: Iterable[str]) -> int:
    return 1 + max((layer for name in names if (layer := layer_of(name)) is not None), default=-1)
