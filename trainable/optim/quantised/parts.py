"""How much of an update is done at once: pure arithmetic."""

from collections.abc import Iterator, Mapping

from trainable.optim.shapes import Shape, largest

# Entries at once. On a CPU the float32 copies of a part then stay in its cache; on a GPU kernels are long against their launch,
# and the copies (some 5 of 4 bytes an entry) small against the memory that the stored moments save.
CPU_ENTRIES = 2**18
GPU_ENTRIES = 2**23


def workspace_bytes(shapes: Mapping[str, Shape], device: str) -> int:
    """The float32 copies of one part, or of the largest tensor where that is smaller."""
    return 20 * min(largest(shapes), CPU_ENTRIES if device == "cpu" else GPU_ENTRIES)


def parts(count: int, stack: tuple[int, int, int], limit: int) -> Iterator[tuple[slice, list[slice]]]:
    """Cuts `count` equal tensors into parts of about `limit` entries: (which tensors, their rows, a slice at a time).

    Small tensors are taken several at a time, whole; of a large one, some rows at a time.
    """
    matrices, rows, width = stack
    size = max(1, matrices * rows * width)
    together = max(1, limit // size)
    some_rows = max(1, limit // max(1, matrices * width))
    row_slices = [slice(start, min(start + some_rows, rows)) for start in range(0, rows, some_rows)]
    for start in range(0, count, together):
        yield slice(start, min(start + together, count)), row_slices
