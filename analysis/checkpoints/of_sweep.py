"""The checkpoints of every trial of a sweep, several runs at a time."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from analysis.checkpoints.hashes import Hashes
from analysis.checkpoints.verify import RunCheckpoints, verify_run
from analysis.load import Trial
from trainable.spec.status import Status

# Hashing and reading leave the interpreter's lock.
_THREADS = 8


@dataclass(frozen=True)
class Tally:
    """Folders counted: whole ones, those of them whose files were compared with their hashes, and faulty ones; missing ones beside."""

    whole: int
    hashed: int
    faulty: int
    missing: int

    def sentence(self) -> str:
        if not self.whole + self.faulty + self.missing:
            return "No checkpoint was saved."
        depth = (
            "every file compared with its SHA-256"
            if self.hashed == self.whole
            else f"opened; {self.hashed} of them compared with their SHA-256"
        )
        whole = f"{self.whole} checkpoints whole" + (f" ({depth})" if self.whole else "")
        return f"{whole}, {self.faulty} corrupt, {self.missing} missing."


def verify_trials(trials: Sequence[Trial], hashes: Hashes) -> dict[str, RunCheckpoints]:
    """By trial; those without a run directory have none, and those that run are still writing theirs."""
    known = [trial for trial in trials if trial.status != Status.RUNNING and trial.run_dir.path.is_dir()]
    with ThreadPoolExecutor(_THREADS) as pool:
        verified = pool.map(lambda trial: verify_run(trial.run_dir, trial.summary or {}, hashes), known)
        return {trial.trial: checkpoints for trial, checkpoints in zip(known, verified, strict=True)}


def tally(checkpoints: dict[str, RunCheckpoints]) -> Tally:
    folders = [one for run in checkpoints.values() for one in run.found]
    whole = [one for one in folders if not one.faults]
    # An adapter has no manifest to be compared with.
    hashed = sum(one.hashed or one.name.startswith("adapters/") for one in whole)
    return Tally(len(whole), hashed, len(folders) - len(whole), sum(len(run.missing) for run in checkpoints.values()))
