"""A folder of this machine's own disk for as long as one process works in it; what killed processes left goes with the next one."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from uuid import uuid4

from trainable.spec.folder_lock import alone_in


class ScratchFolder:
    """`path` is empty at first and nobody else's; ``TMPDIR`` says on which disk. Close it to be rid of it."""

    def __init__(self, parent: Path | None = None) -> None:
        parent = parent or Path(tempfile.gettempdir()) / f"transformer-sweeps-runs-{os.getuid()}"
        with alone_in(parent):
            for left in parent.iterdir():
                _remove_unless_held(left)
            self.path = parent / uuid4().hex[:8]
            self.path.mkdir()
            self._held = os.open(self.path, os.O_RDONLY)
            fcntl.flock(self._held, fcntl.LOCK_EX)

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._held)


def _remove_unless_held(folder: Path) -> None:
    """A lock dies with its holder, so a folder that can be locked is nobody's."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)
