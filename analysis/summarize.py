"""From run directories and the ledger to ``trials.parquet`` and ``metrics.parquet``."""

from dataclasses import replace
from pathlib import Path

from analysis.columns import Row
from analysis.curves import Watch, write_curves
from analysis.load import Sweep, Trial, load_run
from analysis.parquet import write_trials
from analysis.remembered import Remembered
from analysis.run_folder import RunFolder, load_run_folder
from analysis.side_tables import write_side_tables
from analysis.trials import Sources, rows_of, sources_of


def summarize(sweep: Sweep, watch: Watch | None = None) -> list[Row]:
    """Writes both tables of a sweep into its directory, and those beside them for what only some runs write.

    Returns the rows of ``trials.parquet``. Runs that did not change are not read.
    """
    notes = write_curves(sweep.directory.metrics, sweep.trials, sweep.remembered, watch)
    sweep.remembered.write()
    sources = _sources(sweep)
    rows = rows_of([_with_notes(trial, notes) for trial in sweep.trials], sources)
    about = {"sweep": sweep.statement.name, "hypothesis": sweep.statement.hypothesis}
    write_trials(sweep.directory.trials, [column for column, _ in sources], rows, **about)
    write_side_tables(sweep.directory.path, sweep.trials)
    return rows


def rows_of_sweep(sweep: Sweep) -> list[Row]:
    """The rows of ``trials.parquet`` without reading any ``metrics.csv`` and without writing."""
    return rows_of(sweep.trials, _sources(sweep))


def summarize_run(path: Path) -> list[Row]:
    """Writes both tables of a single run into its directory; returns its one row."""
    remembered = Remembered(path)
    trial = load_run(path, remembered)
    return _summarize_runs(path, RunFolder([trial], [], remembered), None, run=trial.run_dir.experiment_id)


def summarize_folder(path: Path, watch: Watch | None = None) -> list[Row]:
    """Writes both tables of all runs in a folder into that folder; a row for each directory, also for those that are no run."""
    return _summarize_runs(path, load_run_folder(path), watch)


def _summarize_runs(path: Path, runs: RunFolder, watch: Watch | None, **about: str) -> list[Row]:
    notes = write_curves(path / "metrics.parquet", runs.trials, runs.remembered, watch)
    runs.remembered.write()
    sources = sources_of(runs.trials, runs.varied, "", [])
    rows = rows_of([_with_notes(trial, notes) for trial in runs.trials], sources)
    write_trials(path / "trials.parquet", [column for column, _ in sources], rows, **about)
    return rows


def _sources(sweep: Sweep) -> Sources:
    statement = sweep.statement
    finalists = (sweep.state.finalists or []) if statement.explores else []
    return sources_of(sweep.trials, statement.varied, statement.baseline_cell, finalists)


def _with_notes(trial: Trial, notes: dict[str, list[str]]) -> Trial:
    found = notes.get(trial.trial) if trial.has_begun else None
    return replace(trial, notes=(*trial.notes, *found)) if found else trial
