"""One process at a time works in a run directory: a lock that the operating system frees when its holder dies."""

import fcntl
import time
from typing import IO

from trainable.spec.run_dir import RunDir

_POLL_SECONDS = 0.2


class RunLocked(RuntimeError):
    """Another living process works in the run directory."""


def lock_run(run_dir: RunDir, patience_seconds: float = 60.0) -> IO[str]:
    """Waits until the run directory is ours; the caller keeps the returned file open for as long.

    A killed driver's workers live on for some seconds, hence the patience. Raises `RunLocked` when it runs out.
    """
    run_dir.path.mkdir(parents=True, exist_ok=True)
    file = open(run_dir.lock, "a")
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                file.close()
                raise RunLocked(f"{run_dir.path} is in use by another process") from None
            time.sleep(_POLL_SECONDS)
        else:
            return file
