"""A place that does not answer is asked again, later and later, within a limit."""

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Answer = TypeVar("Answer")
# A disk of this machine that is full or cannot be written does not change by waiting.
_OWN_DISK = frozenset({errno.ENOSPC, errno.EROFS, errno.EDQUOT})


class StorageUnreachable(OSError):
    """The storage did not answer for longer than the limit."""


@dataclass(frozen=True)
class Patience:
    """`stopped` is asked between two attempts: whoever waits may be told to give up. `clock` and `sleep` are in seconds."""

    limit_seconds: float
    first_seconds: float = 0.5
    longest_seconds: float = 10.0
    stopped: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def ask(self, question: Callable[[], Answer], what: str) -> Answer:
        """The answer. Raises `StorageUnreachable` when the limit is reached, and at once what waiting does not change."""
        deadline, pause = self.clock() + self.limit_seconds, self.first_seconds
        while True:
            try:
                return question()
            except (FileNotFoundError, StorageUnreachable):
                raise
            except OSError as error:
                if error.errno in _OWN_DISK:
                    raise
                if self.clock() + pause > deadline or self.stopped():
                    words = str(error).splitlines()[0] if str(error) else type(error).__name__
                    raise StorageUnreachable(f"{what}: given up after {self.limit_seconds:g} s: {words}") from error
            self.sleep(pause)
            pause = min(2 * pause, self.longest_seconds)
