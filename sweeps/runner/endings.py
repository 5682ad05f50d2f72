"""Ends that are nobody's own: a dead worker, a full disk, a lost Ray, a driver that was killed in the middle of writing one down."""

from collections.abc import Iterator
from pathlib import Path

from trainable.spec.code_version import OtherCode
from trainable.spec.ledger import SweepState, TrialRecord
from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import end_summary, summary_status
from trainable.spec.status import Status
from trainable.spec.storage.patience import StorageUnreachable

_STORAGE_ERRORS = ("No space left on device", "Read-only file system", "Disk quota exceeded")
# What Ray and the trainable say when it was the machine that went.
_NODE_ERRORS = {
    "its node has died": "its node was lost",
    "node was terminated": "its node was lost",
    "Leaving: ": "its node was given notice",
    "received a SIGTERM": "its node was given notice",
}
_ERROR_CHARACTERS, _LOG_LINES, _LINE_CHARACTERS = 4000, 20, 300


class StorageFailed(OSError):
    """The results folder is full or cannot be written, or the storage of the runs was away for too long."""


def storage_trouble(error: str) -> str | None:
    """The system's words when an error's text tells of a full or unwritable disk, ours when it tells of a storage that was away."""
    return next((text for text in _STORAGE_ERRORS if text in error), None) or _told_by(StorageUnreachable, error)


def node_trouble(error: str) -> str | None:
    """What became of the trial's node, when an error's text tells of that and not of the trial."""
    return next((words for text, words in _NODE_ERRORS.items() if text in error), None)


def code_trouble(error: str) -> str | None:
    """The sentence of `trainable.spec.code_version.OtherCode`, when an error's text has one."""
    return _told_by(OtherCode, error)


class RayLost(RuntimeError):
    """Ray itself died under the sweep."""


def told_of_failure(error: str, run_dir: RunDir) -> str:
    """An error's text, then the last lines of the run's log, and the stacks of a run that hung."""
    return "\n".join([error.strip()[-_ERROR_CHARACTERS:], *_last_lines(run_dir)])


def mend_summaries(state: SweepState, runs: Path) -> None:
    """Ends the summaries of trials that a driver had ended in the ledger, and then died before it came to their summaries."""
    for record in state.trials.values():
        mend_summary(record, RunDir(runs / record.run_id))


def mend_summary(record: TrialRecord, run_dir: RunDir) -> None:
    """Ends the summary of a run that somebody other than itself has ended."""
    if record.status in (Status.STOPPED_EARLY, Status.FAILED) and summary_status(run_dir) not in (record.status, None):
        end_summary(run_dir, Status(record.status), record.stop_reason, record.ended or "", record.error)


def _told_by(kind: type[Exception], error: str) -> str | None:
    """The sentence of an exception, when an error's text has one."""
    marker = f"{kind.__name__}: "
    return next((line.partition(marker)[2] for line in error.splitlines() if marker in line), None)


def _last_lines(run_dir: RunDir) -> Iterator[str]:
    for path in (run_dir.train_log, run_dir.hang_traceback):
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        yield f"--- the end of {path.name} ---"
        yield from (line[:_LINE_CHARACTERS] for line in lines[-_LOG_LINES:])
