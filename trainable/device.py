"""The device of a run, and what it tells about its memory."""

import psutil
import torch

from trainable.spec.mistakes import WrongRequest

GB = 1e9
_OUT_OF_MEMORY_TEXTS = ("can't allocate memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED")


def pick_device(wanted: str) -> torch.device:
    """`wanted` is auto, cpu or cuda. Raises `WrongRequest` when cuda is asked for and there is none."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise WrongRequest(["training.device=cuda, but torch sees no CUDA device here"])
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """The type of autocast, None for plain fp32; auto is bf16 on GPUs that have it, fp32 elsewhere."""
    if precision == "bf16":
        return torch.bfloat16
    if precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.bfloat16
    return None


class MemoryMeter:
    """Memory in GB (1e9 bytes): CUDA's own counters on a GPU, the process's resident set on a CPU."""

    def __init__(self, device: torch.device, peak_gb: float = 0.0) -> None:
        self.device = device
        self.peak_gb = peak_gb
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)

    def read(self) -> dict[str, float]:
        if self.device.type == "cuda":
            allocated, reserved = torch.cuda.memory_allocated(self.device), torch.cuda.memory_reserved(self.device)
            highest = torch.cuda.max_memory_allocated(self.device)
        else:
            allocated = reserved = highest = psutil.Process().memory_info().rss
        self.peak_gb = max(self.peak_gb, highest / GB)
        return {"memory/allocated_gb": allocated / GB, "memory/reserved_gb": reserved / GB, "memory/peak_gb": self.peak_gb}


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that the host or the device ran out of memory."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY_TEXTS)
