"""``python -m analysis aggregate --pattern "results/archive/paper1-*" --output paper1.csv``: a CSV line for every run that fits."""

import argparse
import glob
from pathlib import Path

from analysis.commands.command import Command
from trainable.spec.mistakes import EXIT_DONE


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pattern", required=True, help="folders of runs, archives or run directories, with * and **; quote it")
    parser.add_argument("--output", required=True, type=Path, metavar="FILE", help="the CSV file")


def _mistakes(given: argparse.Namespace) -> list[str]:
    nothing = [] if glob.glob(given.pattern) else [f"--pattern '{given.pattern}': nothing fits it"]  # noqa: PTH207 - patterns may be absolute
    return [*nothing, *([f"--output '{given.output}' is a directory"] if given.output.is_dir() else [])]


def _run(given: argparse.Namespace) -> int:
    from analysis.experiments.run_dirs import aggregate

    runs = aggregate(given.pattern, given.output)
    print(f"{given.output}: {len(runs)} runs")
    return EXIT_DONE


AGGREGATE = Command("write one CSV file of all runs that fit a pattern", _arguments, _run, _mistakes)
