"""A run whose directory is kept at a storage: it trains in a folder of its own machine, and every checkpoint is sent away whole."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainable.checkpoint import checkpoint_steps
from trainable.scratch_folder import ScratchFolder
from trainable.snapshot_sender import SnapshotSender
from trainable.spec.run_dir import RunDir
from trainable.spec.storage.arrow_store import ArrowStore, open_arrow
from trainable.spec.storage.fetching import fetch_newest, kept_snapshots
from trainable.spec.storage.patience import Patience
from trainable.spec.storage.snapshot import SnapshotName

# What a worker that still sends the checkpoint a trial goes on from is waited for.
_ARRIVAL_SECONDS, _LOOK_SECONDS = 60.0, 1.0
log = logging.getLogger(__name__)


class StoredRun:
    """Brings an assignment's run to this machine. Its ``storage`` is::

        url               where; credentials come from the environment
        folder            the sweep's, below it; the run's own folder lies there under its name
        from_step         the step at which the trial was paused, whose checkpoint may be on its way; 0 when it was not
        keep              snapshots that stay while it runs
        patience_seconds  for which a storage that does not answer is asked again

    `assignment` is what the trainer is to be opened with: the same, with folders of this machine. Raises `StorageUnreachable`.
    """

    def __init__(self, assignment: Mapping[str, Any]) -> None:
        self._asked = assignment["storage"]
        self._patience = Patience(self._asked["patience_seconds"])
        self._scratch = ScratchFolder()
        try:
            self.assignment = self._entered(assignment)
        except BaseException:
            self._scratch.close()
            raise
        self.run_dir = RunDir(Path(self.assignment["run_dir"]))
        attempt, store = assignment["identity"]["attempt"], self._store(self.run_dir.path.name)
        self._sender = SnapshotSender(store, self._scratch.path, self._scratch.path.name, attempt, self._asked["keep"], self._patience)
        self._kept = self._newest_step()

    def keep(self) -> None:
        """Sends a checkpoint that has come since the last call, beside the training. Raises what the sending failed with before."""
        step = self._newest_step()
        if step != self._kept:
            self._sender.offer(self.run_dir.path, step)
            self._kept = step

    def close(self, ended_at: int | None) -> None:
        """Sends everything, waits for that, and removes the folder; None for a run that was never opened, of which there is nothing."""
        try:
            if ended_at is not None:
                completed = self.run_dir.checkpoint("final").is_dir()
                self._sender.offer(self.run_dir.path, ended_at if completed else self._newest_step(), last=True)
                self._sender.finish()
        finally:
            self._scratch.close()

    def _entered(self, assignment: Mapping[str, Any]) -> dict[str, Any]:
        name = Path(assignment["run_dir"]).name
        found = self._fetch(name, self._scratch.path / name, self._asked["from_step"])
        log.info("%s: %s", name, f"goes on from {found}" if found else "starts")
        clone = assignment.get("clone_from")
        if clone:
            source = Path(clone["run_dir"]).name
            folder = self._scratch.path / "clones" / source
            self._fetch(source, folder, clone["step"], exactly=True)
            clone = {**clone, "run_dir": str(folder)}
        return {**assignment, "run_dir": str(self._scratch.path / name), "clone_from": clone}

    def _fetch(self, name: str, folder: Path, step: int, *, exactly: bool = False) -> SnapshotName | None:
        store, deadline = self._store(name), time.monotonic() + _ARRIVAL_SECONDS
        while step and time.monotonic() < deadline:
            if any(snapshot.step >= step for snapshot in kept_snapshots(store, self._patience)):
                break
            time.sleep(_LOOK_SECONDS)
        return fetch_newest(store, folder, self._patience, step if exactly else None)

    def _store(self, name: str) -> ArrowStore:
        return self._patience.ask(lambda: open_arrow(self._asked["url"], f"{self._asked['folder']}/{name}"), self._asked["url"])

    def _newest_step(self) -> int:
        return max(checkpoint_steps(self.run_dir), default=0)
