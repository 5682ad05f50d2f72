"""``python -m analysis summarize PATH...``: trials.parquet and metrics.parquet of sweeps and runs."""

import argparse
from functools import partial
from pathlib import Path

from analysis.columns import Row
from analysis.commands.command import Command
from analysis.commands.paths import add_paths, for_each, path_mistakes
from analysis.load import is_sweep, load_sweep
from analysis.report.cells import statuses
from analysis.summarize import summarize, summarize_run
from trainable.spec.sweep_dir import SweepDir


def _summarize(path: Path) -> list[str]:
    rows: list[Row] = summarize(load_sweep(SweepDir(path))) if is_sweep(path) else summarize_run(path)
    noted = [f"  {row['trial']}: {row['note']}" for row in rows if row["note"]]
    return [f"{path / 'trials.parquet'}: {statuses(rows)}", f"{path / 'metrics.parquet'}", *noted]


def _run(given: argparse.Namespace) -> int:
    return for_each(given, _summarize)


SUMMARIZE = Command(
    "write trials.parquet and metrics.parquet into each sweep or run directory",
    partial(add_paths, also_runs=True),
    _run,
    partial(path_mistakes, also_runs=True),
)
