"""Run directories at a storage (``resources.storage``), seen from the driver: what a worker is told of it, and ended runs brought here.

The driver brings each run into its own results folder when it has ended, so that tables, verdicts and archives are made from
files as everywhere, and stay when the storage is emptied.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeps.runner.endings import StorageFailed, mend_summary
from trainable.spec.config import RunConfig
from trainable.spec.identity import content_hash
from trainable.spec.ledger import SweepState, TrialRecord
from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import read_summary
from trainable.spec.status import Status
from trainable.spec.storage.arrow_store import open_arrow
from trainable.spec.storage.fetching import fetch_newest, kept_snapshots
from trainable.spec.storage.patience import Patience, StorageUnreachable
from trainable.spec.storage.snapshot import SnapshotName
from trainable.whole_folder import whole_folder

# A storage may be away for this long, if a trial's own time limit is not shorter.
_PATIENCE_SECONDS = 300.0
# A worker that was told to stop sends its last rows first.
_LAST_SECONDS, _LOOK_SECONDS = 60.0, 0.5
_AT_ONCE = 4
_OPEN = (Status.RUNNING, Status.PAUSED, Status.INTERRUPTED)


@dataclass(frozen=True)
class Place:
    """`url` is the storage, `folder` that of the sweep below it; `keep` snapshots of a run stay while it runs."""

    url: str
    folder: str
    keep: int
    patience_seconds: float = _PATIENCE_SECONDS

    def asked(self, record: TrialRecord) -> dict[str, Any]:
        """What `trainable.stored_run.StoredRun` is told of a trial that starts now."""
        paused = record.endings[-1:] == [Status.PAUSED]
        found = {"url": self.url, "folder": self.folder, "keep": self.keep, "patience_seconds": self.patience_seconds}
        return {**found, "from_step": record.step if paused else 0}


def sweep_folder(name: str, state: SweepState) -> str:
    """The sweep's folder at a storage: its directory's name, and what no other driver's ledger of that name has."""
    first = {key: state.drivers[0].get(key) for key in ("time", "host", "pid")}
    return f"{name}-{content_hash(first, 8)}"


class StoredSweep:
    """Brings ended runs here, beside the sweep; as a context manager it ends when all are here, or soon when the body failed."""

    def __init__(self, place: Place, runs: Path) -> None:
        self.place, self.runs = place, runs
        self._stopped = threading.Event()
        self._patience = Patience(place.patience_seconds, stopped=self._stopped.is_set, sleep=lambda seconds: self._wait(seconds))
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="stored-runs")
        self._under_way: list[Future[None]] = []

    def __enter__(self) -> "StoredSweep":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._stopped.set()
        given_up = self._stopped.is_set()
        self._pool.shutdown(wait=True, cancel_futures=given_up)
        if not given_up:
            self.is_busy()

    def abandon(self) -> None:
        """What is on its way is left to the next driver."""
        self._stopped.set()

    def asked(self, record: TrialRecord) -> dict[str, Any]:
        return self.place.asked(record)

    def bring_missing(self, state: SweepState) -> None:
        """What earlier drivers had no time for."""
        for record in state.trials.values():
            self.ended(record)

    def ended(self, record: TrialRecord) -> None:
        """Brings a run that has ended, unless it is here; one that goes on later is left where it is."""
        if record.status not in _OPEN and not _is_here(record, RunDir(self.runs / record.run_id)):
            told = TrialRecord(**{**vars(record), "evaluations": {}})
            self._under_way.append(self._pool.submit(self._bring, told))

    def is_busy(self) -> bool:
        """Whether runs are on their way. Raises `StorageFailed` when one could not be brought."""
        for done in [future for future in self._under_way if future.done()]:
            self._under_way.remove(done)
            try:
                done.result()
            except StorageUnreachable as error:
                raise StorageFailed(str(error)) from error
        return bool(self._under_way)

    def _bring(self, record: TrialRecord) -> None:
        run_dir = RunDir(self.runs / record.run_id)
        store = self._patience.ask(lambda: open_arrow(self.place.url, f"{self.place.folder}/{record.run_id}"), self.place.url)
        deadline = time.monotonic() + _LAST_SECONDS
        while not _is_complete(record, kept_snapshots(store, self._patience)) and time.monotonic() < deadline:
            self._wait(_LOOK_SECONDS)
        try:
            with whole_folder(run_dir.path) as beside:
                if fetch_newest(store, beside, self._patience) is None:
                    raise FileNotFoundError
        except FileNotFoundError:
            return  # it failed before its first checkpoint: there is nothing of it
        mend_summary(record, run_dir)

    def _wait(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise StorageUnreachable("the driver ends")


def _is_complete(record: TrialRecord, found: Sequence[SnapshotName]) -> bool:
    """Whether nothing more will come: a worker that failed may have died before it sent what it had."""
    return record.status == Status.FAILED or any(name.last and name.attempt >= record.attempt for name in found[:1])


@contextmanager
def stored_runs(base: RunConfig, folder: str, runs: Path) -> Iterator[StoredSweep | None]:
    """None where runs are written straight into the results folder."""
    resources = base.resources
    if resources.storage is None:
        yield None
        return
    patience = min(_PATIENCE_SECONDS, resources.trial_timeout_seconds / 2)
    with StoredSweep(Place(resources.storage, folder, base.training.keep_checkpoints, patience), runs) as stored:
        yield stored


def _is_here(record: TrialRecord, run_dir: RunDir) -> bool:
    try:
        summary = read_summary(run_dir)
    except (FileNotFoundError, ValueError):
        return False
    return (summary.status, summary.attempt) == (record.status, record.attempt)
