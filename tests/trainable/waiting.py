"""What of some work would have a GPU's host wait: told by CUDA itself on a GPU, and on a CPU by looking at every call."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

# A result that Python has to know, in its size or its value.
_READING = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "unique", "is_nonzero", "bincount")
# Numbers of Python that become a tensor are copied from memory that CUDA cannot read while the host goes on.
_SENDING = (torch.tensor, torch.as_tensor, torch.asarray)
_INDEXING = (Tensor.__getitem__, Tensor.__setitem__)


class _Readings(TorchDispatchMode):
    def __init__(self, found: list[str], on_host: set[int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found, self.on_host = found, on_host

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        read = any(name.startswith(reading) for reading in _READING) and args[0].data_ptr() not in self.on_host
        masked = name in ("index", "index_put_") and any(isinstance(i, Tensor) and i.dtype == torch.bool for i in args[1])
        if read or masked:
            self.found.append(name)
        return func(*args, **(kwargs or {}))


class _Sendings(TorchFunctionMode):
    def __init__(self, found: list[str]) -> None:
        super().__init__()
        self.found = found

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _SENDING and not isinstance(args[0], Tensor):
            self.found.append(f"{func.__name__}({args[0]})")
        if func in _INDEXING and any(isinstance(i, list) for i in (args[1] if isinstance(args[1], tuple) else (args[1],))):
            self.found.append(f"indexed by {args[1]}")
        return func(*args, **(kwargs or {}))


@contextmanager
def waits(device: torch.device, on_host: Iterator[Tensor] | tuple[Tensor, ...] = ()) -> Iterator[list[str]]:
    """What waited in the body; on a GPU one entry at most, since CUDA raises at the first. Tensors `on_host` lie there on a GPU too."""
    found: list[str] = []
    if device.type == "cuda":
        torch.cuda.set_sync_debug_mode("error")
        try:
            yield found
        except RuntimeError as error:
            found.append(str(error).splitlines()[0])
        finally:
            torch.cuda.set_sync_debug_mode("default")
        return
    with _Sendings(found), _Readings(found, {tensor.data_ptr() for tensor in on_host}):
        yield found
