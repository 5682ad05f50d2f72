"""Importing bitsandbytes, and what imports it, without its word about a kernel that nothing here uses."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_kernel_notice() -> Iterator[None]:
    """On some CPUs bitsandbytes warns that an optional 4-bit matrix product is missing; no optimizer and no adapter uses it."""
    logger = logging.getLogger("bitsandbytes.backends.cpu.ops")

    def keep(record: logging.LogRecord) -> bool:
        return "gemm_4bit_forward" not in record.getMessage()

    logger.addFilter(keep)
    try:
        yield
    finally:
        logger.removeFilter(keep)
