"""State dictionaries without pickle: a JSON skeleton, and the tensors it names."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

_TENSOR, _TUPLE, _ITEMS, _FLOAT = "$tensor", "$tuple", "$items", "$float"
_MARKS = {_TENSOR, _TUPLE, _ITEMS, _FLOAT}


def split_tree(tree: Any, prefix: str) -> tuple[Any, dict[str, torch.Tensor]]:
    """A JSON value with ``{"$tensor": name}`` in place of each tensor, and the tensors by name.

    Tensors that share their memory (tied embeddings, a common quantisation map) are kept once. Dictionaries with keys
    that are no strings, tuples and floats that JSON lacks survive the way. Raises TypeError for any other object.
    """
    tensors: dict[str, torch.Tensor] = {}
    names: dict[tuple[Any, ...], str] = {}

    def name_of(tensor: torch.Tensor, path: str) -> str:
        place = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype) if tensor.numel() else (path,)
        if place not in names:
            names[place] = path
            tensors[path] = tensor.detach().to("cpu").contiguous()
        return names[place]

    return _skeleton(tree, prefix, name_of), tensors


def _skeleton(value: Any, path: str, name_of: Callable[[torch.Tensor, str], str]) -> Any:
    if isinstance(value, torch.Tensor):
        return {_TENSOR: name_of(value, path)}
    if isinstance(value, Mapping):
        entries = [(key, _skeleton(item, f"{path}.{key}", name_of)) for key, item in value.items()]
        plain = all(isinstance(key, str) and key not in _MARKS for key, _ in entries)
        return dict(entries) if plain else {_ITEMS: [list(entry) for entry in entries]}
    if isinstance(value, list | tuple):
        items = [_skeleton(item, f"{path}.{index}", name_of) for index, item in enumerate(value)]
        return {_TUPLE: items} if isinstance(value, tuple) else items
    if isinstance(value, float) and not math.isfinite(value):
        return {_FLOAT: repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{path} holds a {type(value).__name__}, which a checkpoint cannot keep")


def join_tree(skeleton: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    """The inverse of `split_tree`. Raises KeyError when a tensor is missing."""
    if isinstance(skeleton, list):
        return [join_tree(item, tensors) for item in skeleton]
    if not isinstance(skeleton, dict):
        return skeleton
    if _TENSOR in skeleton:
        return tensors[skeleton[_TENSOR]]
    if _TUPLE in skeleton:
        return tuple(join_tree(item, tensors) for item in skeleton[_TUPLE])
    if _ITEMS in skeleton:
        return {key: join_tree(item, tensors) for key, item in skeleton[_ITEMS]}
    if _FLOAT in skeleton:
        return float(skeleton[_FLOAT])
    return {key: join_tree(item, tensors) for key, item in skeleton.items()}
