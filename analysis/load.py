"""Reads a sweep or a single run from disk: the ledger for the status, the run directory for the numbers.

What is damaged or missing becomes a note on the trial (or on the sweep), never a guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from analysis.amendments import contradictions
from analysis.json_text import from_json
from analysis.ledger import read_ledger
from analysis.remembered import Remembered
from analysis.witnesses import disagreements
from trainable.spec.ledger import SweepState, TrialRecord
from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import SUMMARY_FORMAT
from trainable.spec.statement import Statement
from trainable.spec.status import Status
from trainable.spec.sweep_dir import SweepDir

UNKNOWN = "unknown"
_CUT_OFF = (Status.RUNNING, Status.INTERRUPTED)


@dataclass(frozen=True)
class Trial:
    """One trial as its witnesses tell it; `record` is None for a run outside a sweep, `summary` where it cannot be read.

    A trial that was cut off before its worker wrote anything has not begun: no file of it is missing. `doubted` are the metrics of the
    summary that the ledger contradicts: `told_in` does not tell them.
    """

    trial: str
    cell: str
    seed: int | None
    stage: str
    status: str
    run_dir: RunDir
    summary: Mapping[str, Any] | None = None
    record: TrialRecord | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    has_begun: bool = True
    doubted: frozenset[str] = frozenset()

    def told(self, name: str) -> Any:
        """A field of ``summary.json``; None when it is not there."""
        return None if self.summary is None else self.summary.get(name)

    @cached_property
    def metrics(self) -> Mapping[str, Any]:
        """The last metrics in ``summary.json`` but for those that are contradicted."""
        found = self.told("metrics")
        return {name: value for name, value in found.items() if name not in self.doubted} if isinstance(found, dict) else {}

    @cached_property
    def best_metrics(self) -> Mapping[str, Any]:
        """The metrics of the best evaluation in ``summary.json``."""
        found = self.told("best_metrics")
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Sweep:
    """`trials` in the order of their names, as the tables have them; `notes` speak of the sweep as a whole.

    `remembered` are the files of its runs as the last summary and this one have read them.
    """

    directory: SweepDir
    statement: Statement
    state: SweepState
    trials: list[Trial]
    notes: list[str]
    remembered: Remembered


def is_sweep(path: Path) -> bool:
    return SweepDir(path).statement.is_file()


def is_run(path: Path) -> bool:
    run_dir = RunDir(path)
    return any(file.is_file() for file in (run_dir.summary, run_dir.config, run_dir.metrics_csv))


def load_sweep(directory: SweepDir) -> Sweep:
    """The sweep in `directory`. Raises ValueError when its ``sweep.json`` is missing, damaged or of another format."""
    statement = read_statement(directory)
    state, notes = read_ledger(directory.ledger)
    runs = directory.path / statement.runs_dir
    records = sorted(state.trials.values(), key=lambda record: record.trial)
    remembered = Remembered(directory.path)
    trials = [_trial_of(record, runs, remembered) for record in records]
    return Sweep(directory, statement, state, trials, [*contradictions(statement, state.drivers), *notes], remembered)


def read_statement(directory: SweepDir) -> Statement:
    """What ``sweep.json`` says. Raises ValueError when it is missing, damaged or of another format."""
    try:
        return Statement.from_json(directory.read_statement())
    except (OSError, TypeError, KeyError, AttributeError, ValueError) as error:
        raise ValueError(f"{directory.statement} cannot be read as a sweep statement: {error}") from error


def load_run(path: Path, remembered: Remembered) -> Trial:
    """The single run in `path`, by its ``summary.json`` alone."""
    run_dir = RunDir(path)
    summary, notes = read_summary_json(run_dir, remembered)
    told = summary or {}
    seed = told.get("seed")
    return Trial(
        trial=str(told.get("trial") or run_dir.experiment_id),
        cell=str(told.get("cell") or ""),
        seed=seed if isinstance(seed, int) else None,
        stage=str(told.get("stage") or ""),
        status=str(told.get("status") or UNKNOWN),
        run_dir=run_dir,
        summary=summary,
        notes=notes,
    )


def read_summary_json(run_dir: RunDir, remembered: Remembered) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """``summary.json`` as it stands (no defaults filled in, so that missing stays missing), or None and the reason."""
    try:
        values = from_json(remembered.summary(run_dir.experiment_id, run_dir.summary))
    except FileNotFoundError:
        return None, ("summary.json missing" if run_dir.path.is_dir() else "run directory missing",)
    except (OSError, ValueError, RecursionError) as error:
        return None, (f"summary.json unreadable ({type(error).__name__})",)
    if not isinstance(values, dict) or values.get("format") != SUMMARY_FORMAT:
        return None, (f"summary.json is not of format {SUMMARY_FORMAT}",)
    return values, ()


def _trial_of(record: TrialRecord, runs: Path, remembered: Remembered) -> Trial:
    run_dir = RunDir(runs / record.run_id)
    summary, notes = read_summary_json(run_dir, remembered)
    has_begun = _has_begun(record, run_dir)
    found = list(disagreements(record, summary)) if summary is not None else []
    if summary is not None or not has_begun:
        notes = tuple(each.sentence for each in found)
    return Trial(
        trial=record.trial,
        cell=record.cell,
        seed=record.seed,
        stage=record.stage,
        status=record.status,
        run_dir=run_dir,
        summary=summary,
        record=record,
        values=record.values,
        notes=notes,
        has_begun=has_begun,
        doubted=frozenset[str]().union(*(each.metrics for each in found)),
    )


def _has_begun(record: TrialRecord, run_dir: RunDir) -> bool:
    return bool(record.evaluations) or record.status not in _CUT_OFF or any(run_dir.path.glob("*"))
