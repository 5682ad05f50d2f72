"""``python -m analysis summarize PATH...``: the two tables of sweeps and runs; ``--output DIR`` makes one data set of all."""

import argparse
from collections import Counter
from pathlib import Path

from analysis.columns import Row
from analysis.commands.command import Command
from analysis.commands.paths import add_paths, for_each, path_mistakes
from analysis.commands.progress import progress
from analysis.dataset import add_metrics, add_trials
from analysis.load import is_run, is_sweep, load_sweep
from analysis.report.cells import statuses
from analysis.summarize import summarize, summarize_folder, summarize_run
from trainable.spec.mistakes import EXIT_DONE
from trainable.spec.sweep_dir import SweepDir

_NOTES_SHOWN = 20


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_paths(parser, also_runs=True)
    parser.add_argument("--output", type=Path, metavar="DIR", help="bring trials.parquet of all into one data set there, parted by sweep")
    parser.add_argument("--output-metrics", type=Path, metavar="DIR", help="the same for metrics.parquet")


def _mistakes(given: argparse.Namespace) -> list[str]:
    mistakes = path_mistakes(given, also_runs=True)
    outputs = {"--output": given.output, "--output-metrics": given.output_metrics}
    for option, folder in outputs.items():
        if folder is not None and folder.exists() and not folder.is_dir():
            mistakes.append(f"{option} '{folder}' is not a directory")
    if given.output is not None and given.output == given.output_metrics:
        mistakes.append(f"--output and --output-metrics are both '{given.output}'; a data set holds one table")
    if any(outputs.values()):
        times = Counter(_name(path) for path in given.paths)
        mistakes += [f"{n} of the paths are called '{name}', and would be one part of the data set" for name, n in times.items() if n > 1]
    return mistakes


def _summarize(path: Path) -> list[str]:
    rows = _rows(path)
    noted = [f"  {row['trial']}: {row['note']}" for row in rows if row["note"]]
    if len(noted) > _NOTES_SHOWN:
        noted[_NOTES_SHOWN:] = [f"  ... and {len(noted) - _NOTES_SHOWN} more (column `note`)"]
    return [f"{path / 'trials.parquet'}: {statuses(rows)}", f"{path / 'metrics.parquet'}", *noted]


def _rows(path: Path) -> list[Row]:
    with progress(path.name) as watch:
        if is_sweep(path):
            return summarize(load_sweep(SweepDir(path)), watch)
        return summarize_run(path) if is_run(path) else summarize_folder(path, watch)


def _run(given: argparse.Namespace) -> int:
    code = for_each(given, _summarize)
    parts = {_name(path): path for path in given.paths}
    for output, add in ((given.output, add_trials), (given.output_metrics, add_metrics)):
        if output is not None and code == EXIT_DONE:
            print(f"{output}: {add(output, parts)} files written")
    return code


def _name(path: Path) -> str:
    return path.resolve().name


SUMMARIZE = Command(
    "write trials.parquet and metrics.parquet into each sweep or run directory, or into a folder of runs",
    _arguments,
    _run,
    _mistakes,
)
