"""The device of a run, and what it tells about its memory."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import torch
from numpy.typing import NDArray

from trainable.spec.mistakes import WrongRequest

GB = 1e9
# M_MMAP_MAX, M_TRIM_THRESHOLD and M_ARENA_MAX of malloc.h.
_KEEPING = ((-4, 0), (-1, 2**31 - 1), (-8, 1))
_OUT_OF_MEMORY_TEXTS = ("can't allocate memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED")


def pick_device(wanted: str) -> torch.device:
    """`wanted` is auto, cpu or cuda. Raises `WrongRequest` when cuda is asked for and there is none."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise WrongRequest(["training.device=cuda, but torch sees no CUDA device here"])
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


def on_device(array: NDArray[Any], device: torch.device) -> torch.Tensor:
    """`array` as a tensor on `device`; a GPU takes it from pinned memory while Python goes on."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """The type of autocast, None for plain fp32; auto is bf16 on GPUs that have it, fp32 elsewhere."""
    if precision == "bf16":
        return torch.bfloat16
    if precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.bfloat16
    return None


class MemoryMeter:
    """Memory in GB (1e9 bytes): CUDA's own counters on a GPU, the process's resident set on a CPU.

    The peak counts from the meter's making, where `resident_bytes` is what the process held. On Linux the kernel keeps the peak for a
    CPU too; elsewhere it is the largest set that was read.
    """

    def __init__(self, device: torch.device, peak_gb: float = 0.0) -> None:
        self.device = device
        self.peak_gb = peak_gb
        self._forget_peak()
        self.resident_bytes: int = psutil.Process().memory_info().rss

    def read(self) -> dict[str, float | None]:
        if self.device.type == "cuda":
            allocated, reserved = torch.cuda.memory_allocated(self.device), torch.cuda.memory_reserved(self.device)
        else:
            allocated = reserved = psutil.Process().memory_info().rss
        self._note_peak()
        return {"memory/allocated_gb": allocated / GB, "memory/reserved_gb": reserved / GB, "memory/peak_gb": self.peak_gb}

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What the body takes does not count: measuring a run is not a part of it."""
        self._note_peak()
        try:
            yield
        finally:
            self._forget_peak()

    def _note_peak(self) -> None:
        highest = torch.cuda.max_memory_allocated(self.device) if self.device.type == "cuda" else resident_peak_bytes()
        self.peak_gb = max(self.peak_gb, highest / GB)

    def _forget_peak(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
        else:
            give_back_heap()
            forget_resident_peak()


class NoMemoryMeter(MemoryMeter):
    """Of a run that shares its process with others, where no counter tells what is whose."""

    def read(self) -> dict[str, float | None]:
        return dict.fromkeys(("memory/allocated_gb", "memory/reserved_gb", "memory/peak_gb"))

    @contextmanager
    def aside(self) -> Iterator[None]:
        yield

    def _forget_peak(self) -> None:
        """Nothing: the process is not this run's."""


def resident_peak_bytes() -> int:
    """The largest resident set of this process since `forget_resident_peak`; the present one where the kernel does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return int(psutil.Process().memory_info().rss)
    return int(kilobytes) * 1024


def give_back_heap() -> None:
    """Has glibc return what its heap holds of freed blocks (malloc_trim(3)), so that it is not taken for somebody else's."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def keep_heap() -> None:
    """Has glibc keep what is freed for the next step, in one heap for all threads (mallopt(3)); nothing where there is no glibc.

    By itself it returns large blocks to the kernel at once, and every step pays for their pages again.
    """
    with suppress(OSError, AttributeError):
        for setting, value in _KEEPING:
            ctypes.CDLL(None).mallopt(setting, value)


def forget_resident_peak() -> None:
    """Makes the kernel count the peak anew (proc(5), clear_refs); nothing where it cannot."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that the host or the device ran out of memory."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY_TEXTS)
