"""``python -m analysis report PATH...``: tables, figures and pages of each sweep, every checkpoint hashed; ``--from`` for others' sets."""

import argparse
from collections.abc import Callable
from pathlib import Path

from analysis.commands.command import Command
from analysis.commands.paths import add_paths, for_each, path_mistakes
from analysis.report.conclusion import conclude
from analysis.torchtune.report import write_report
from trainable.spec.mistakes import unknown
from trainable.spec.sweep_dir import SweepDir

# Experiment sets that others made: what writes their report.
_FOREIGN: dict[str, Callable[[Path], list[Path]]] = {"torchtune": write_report}


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_paths(parser)
    parser.add_argument("--from", dest="source", metavar="PROGRAM", help=f"each PATH is an experiment set made by {', '.join(_FOREIGN)}")


def _mistakes(given: argparse.Namespace) -> list[str]:
    if given.source is None:
        return path_mistakes(given)
    strange = [] if given.source in _FOREIGN else [unknown("program", given.source, _FOREIGN)]
    return strange + [f"'{path}' is no directory" for path in given.paths if not path.is_dir()]


def _report(path: Path) -> list[str]:
    return [conclude(SweepDir(path), hash_checkpoints=True).as_text(), str(SweepDir(path).results)]


def _run(given: argparse.Namespace) -> int:
    if given.source is None:
        return for_each(given, _report)
    return for_each(given, lambda path: [str(file) for file in _FOREIGN[given.source](path)])


REPORT = Command("tables, figures and RESULTS.md of each sweep", _arguments, _run, _mistakes)
