"""Reads a torchtune experiment set and writes its page and table: ``RESULTS.md`` and ``results.csv`` in its directory."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analysis.torchtune.exit_states import exit_states
from analysis.torchtune.experiment import TorchtuneExperiment, is_experiment, read_experiment
from analysis.torchtune.page import MARK, ExperimentSet, is_complete, page
from trainable.spec.atomic_write import write_text

COLUMNS = (
    "experiment model lora_rank epochs steps final_loss val_loss tokens_per_second_per_gpu peak_memory_active_gib training_seconds "
    "adapter_parameters adapter_bytes model_bytes total_bytes complete slurm_job slurm_state slurm_exit_code problems"
).split()


def read_set(path: Path) -> ExperimentSet:
    """Every experiment in `path`, which may also be one itself. Raises ValueError when there is none."""
    folders = [path] if is_experiment(path) else sorted(folder for folder in path.iterdir() if folder.is_dir())
    experiments = [read_experiment(folder) for folder in folders if is_experiment(folder)]
    if not experiments:
        raise ValueError("no torchtune experiment is in it (a directory with slurm-*.out or epoch_<n>)")
    others = [folder.name for folder in folders if not is_experiment(folder) and not folder.name.startswith(".")]
    written = [one.log_path.stat().st_mtime for one in experiments if one.log_path]
    date = datetime.fromtimestamp(max(written), UTC).date().isoformat() if written else None
    return ExperimentSet(path, experiments, exit_states(one.job for one in experiments if one.job), others, date)


def write_report(path: Path) -> list[Path]:
    """Writes both files; returns their paths. A ``RESULTS.md`` that somebody else wrote stays, ours is then ``EXPERIMENT_SUMMARY.md``."""
    found = read_set(path)
    target = path / "RESULTS.md"
    if target.exists() and MARK not in target.read_text(encoding="utf-8", errors="replace"):
        target = path / "EXPERIMENT_SUMMARY.md"
    write_text(target, page(found))
    write_text(path / "results.csv", as_csv(found))
    return [target, path / "results.csv"]


def as_csv(found: ExperimentSet) -> str:
    """One line for each experiment in `COLUMNS`; what was not measured is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_line(one, found) for one in found.experiments)
    return text.getvalue()


def _line(one: TorchtuneExperiment, found: ExperimentSet) -> Sequence[Any]:
    last = one.epochs[-1] if one.epochs else None
    state = (found.states or {}).get(one.job or "")
    return [
        one.name,
        one.model,
        one.rank,
        len(one.epochs),
        one.log.steps,
        one.log.final_loss,
        *(one.measured(key) for key in ("val_loss", "tokens_per_second_per_gpu", "peak_memory_active")),
        one.log.training_seconds,
        *((last.adapter_parameters, last.adapter_bytes, last.model_bytes) if last else (None, None, None)),
        sum(epoch.total_bytes for epoch in one.epochs) if one.epochs else None,
        is_complete(one),
        one.job,
        *((state.state, state.code) if state else (None, None)),
        "; ".join(one.problems) or None,
    ]
