"""Sends snapshots of a run directory to its storage while the run goes on: the newest one that waits, whole or not at all."""

import hashlib
import shutil
import threading
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trainable.checkpoint import link_or_copy
from trainable.spec.storage.patience import Patience
from trainable.spec.storage.snapshot import Content, SnapshotName, as_json, is_unchanging, surplus, to_keep
from trainable.spec.storage.store import Store, pieces


@dataclass(frozen=True)
class Staged:
    """A copy of what a snapshot holds; the run may change its own files meanwhile."""

    name: SnapshotName
    folder: Path


class SnapshotSender:
    """One writer's. `keep` snapshots stay at the storage; a storage that is away for longer than the patience ends the sending."""

    def __init__(self, store: Store, staging: Path, writer: str, attempt: int, keep: int, patience: Patience) -> None:
        self.store, self.staging, self.writer, self.attempt, self.keep, self.patience = store, staging, writer, attempt, keep, patience
        self.failure: OSError | None = None
        self._number = 0
        self._sent: dict[str, Collection[str]] = {}
        self._waiting: Staged | None = None
        self._at_work = False
        self._changed = threading.Condition()

    def offer(self, run_dir: Path, step: int, *, last: bool = False) -> None:
        """Takes a copy of the run directory and sends it when the one before is sent; one that waits gives way to it.

        Raises what the sending failed with before.
        """
        self._number += 1
        name = SnapshotName(self.attempt, step, self._number, last, self.writer)
        staged = Staged(name, self.staging / f"staged-{self._number}")
        stage(run_dir, staged.folder)
        with self._changed:
            if self.failure is not None:
                shutil.rmtree(staged.folder, ignore_errors=True)
                raise self.failure
            if self._waiting is not None:
                shutil.rmtree(self._waiting.folder, ignore_errors=True)
            self._waiting = staged
            if not self._at_work:
                self._at_work = True
                threading.Thread(target=self._work, name="snapshots", daemon=True).start()

    def finish(self) -> None:
        """Returns when all is sent. Raises what the sending failed with."""
        with self._changed:
            self._changed.wait_for(lambda: not self._at_work)
        if self.failure is not None:
            raise self.failure

    def _work(self) -> None:
        while True:
            with self._changed:
                staged, self._waiting = self._waiting, None
                if staged is None or self.failure is not None:
                    self._at_work = False
                    self._changed.notify_all()
                    return
            try:
                self._send(staged)
            except OSError as error:
                self.failure = error
            finally:
                shutil.rmtree(staged.folder, ignore_errors=True)

    def _send(self, staged: Staged) -> None:
        name, files = staged.name, contents(staged.folder)
        present = {digest for digests in self._sent.values() for digest in digests}
        for path, content in files.items():
            if content.sha256 not in present:
                self._send_object(staged.folder / path, name.object(content.sha256))
                present.add(content.sha256)
        self.patience.ask(lambda: self.store.write(str(name), [as_json(files).encode()]), str(name))
        self._sent[str(name)] = {content.sha256 for content in files.values()}
        with suppress(OSError):  # what is too many there does no harm, and goes with the next snapshot
            self._remove_surplus(name)

    def _send_object(self, path: Path, name: str) -> None:
        def write() -> None:
            with open(path, "rb") as file:
                self.store.write(name, pieces(file))

        self.patience.ask(write, name)

    def _remove_surplus(self, newest: SnapshotName) -> None:
        for name in surplus(self.store.sizes(), newest, self.keep, self._sent):
            # Not counted on any more, whether its removal is heard of or not.
            self._sent.pop(name, None)
            with suppress(FileNotFoundError):
                self.store.delete(name)


def stage(run_dir: Path, folder: Path) -> None:
    """Copies what a snapshot of `run_dir` holds into the new `folder`; files that never change again are linked."""
    listed = {str(path.relative_to(run_dir)): path for path in run_dir.rglob("*") if path.is_file() and not path.is_symlink()}
    for name in to_keep(listed):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (link_or_copy if is_unchanging(name) else shutil.copyfile)(listed[name], target)


def contents(folder: Path) -> dict[str, Content]:
    """Size and SHA-256 of every file; hard links of one file are read once."""
    known: dict[int, str] = {}
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        about = path.stat()
        if about.st_ino not in known:
            with open(path, "rb") as file:
                known[about.st_ino] = hashlib.file_digest(file, "sha256").hexdigest()
        found[str(path.relative_to(folder))] = Content(about.st_size, known[about.st_ino])
    return found
