"""A forward and backward pass without memory: fake tensors tell what a step would keep and hold, in seconds and for any size."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from trainable.model.registry import build_model
from trainable.spec.config import ModelConfig
from trainable.train_step import token_loss


@dataclass(frozen=True)
class ProbedStep:
    """Bytes beside the weights: `saved_bytes` kept for the backward pass, `peak_bytes` held at most during both passes."""

    saved_bytes: int
    peak_bytes: int


def probe_step(config: ModelConfig, rows: int, autocast: torch.dtype | None = None, *, accumulated: bool = False) -> ProbedStep:
    """The step of `rows` sequences on a CPU; `accumulated`: the gradients of an earlier micro-batch are there already."""
    with torch.device("meta"):
        shell = build_model(config)
    with FakeTensorMode(), Holdings() as held:
        model = _Fake(shell)
        tokens = torch.zeros(rows, config.context_length, dtype=torch.int64)
        weights = held.bytes
        if accumulated:
            token_loss(model, tokens, tokens, autocast).backward()  # type: ignore[no-untyped-call]
        held.peak_bytes = held.bytes
        with saved_for_backward(model) as saved:
            loss = token_loss(model, tokens, tokens, autocast)
        kept = saved.bytes
        saved.forget()
        loss.backward()  # type: ignore[no-untyped-call]
    return ProbedStep(kept, held.peak_bytes - weights)


class _Fake(nn.Module):
    """A model of the meta device on fake CPU tensors; tied parameters are one leaf, as in the model."""

    def __init__(self, shell: nn.Module) -> None:
        super().__init__()
        self._shell = [shell]  # in a list, so that its own parameters stay out of `parameters()`
        self._tensors = {name: torch.empty(p.shape, requires_grad=True) for name, p in shell.named_parameters()}
        self._tensors |= {name: torch.empty(b.shape, dtype=b.dtype) for name, b in shell.named_buffers()}

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = functional_call(self._shell[0], self._tensors, (tokens,))
        return logits

    def parameters(self, recurse: bool = True) -> Iterator[Any]:  # noqa: ARG002
        return iter(self._tensors.values())


class Holdings(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of the storages that operations inside it make, as long as they live."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._live: dict[int, int] = {}
        self.bytes = self.peak_bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                self._add(tensor.untyped_storage())
        return out

    def _add(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._live:
            return
        self._live[key] = storage.nbytes()
        self.bytes += self._live[key]
        self.peak_bytes = max(self.peak_bytes, self.bytes)
        weakref.finalize(storage, self._drop, key)

    def _drop(self, key: int) -> None:
        self.bytes -= self._live.pop(key)


class Saved:
    """What autograd keeps for the backward pass: every storage once, the model's own parameters and buffers left out."""

    def __init__(self, model: nn.Module) -> None:
        self._own = {tensor.untyped_storage()._cdata for tensor in [*model.parameters(), *model.buffers()]}
        self._kept: dict[int, tuple[int, torch.UntypedStorage]] = {}

    @property
    def bytes(self) -> int:
        return sum(size for size, _ in self._kept.values())

    def forget(self) -> None:
        self._kept.clear()

    def add(self, tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in self._own:
            self._kept[storage._cdata] = (storage.nbytes(), storage)  # held, so that its place is not used again
        return tensor


@contextmanager
def saved_for_backward(model: nn.Module) -> Iterator[Saved]:
    """Counts what the operations of the body save for their gradients."""
    saved = Saved(model)
    with torch.autograd.graph.saved_tensors_hooks(saved.add, lambda tensor: tensor):
        yield saved
