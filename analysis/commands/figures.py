"""``python -m analysis figures PATH...``: the figures of each sweep, as PNG and PDF."""

import argparse
from pathlib import Path

from analysis.commands.command import Command
from analysis.commands.paths import add_paths, for_each, path_mistakes
from analysis.figures.registry import FIGURES, draw_figures
from analysis.load import load_sweep
from analysis.study import Study
from analysis.summarize import summarize
from trainable.spec.mistakes import unknown
from trainable.spec.sweep_dir import SweepDir


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_paths(parser)
    shown = f"draw only this one ({', '.join(FIGURES)}); may be given again"
    parser.add_argument("--only", action="append", default=[], metavar="FIGURE", help=shown)


def _mistakes(given: argparse.Namespace) -> list[str]:
    return path_mistakes(given) + [unknown("figure", name, FIGURES) for name in given.only if name not in FIGURES]


def _draw(path: Path, names: list[str]) -> list[str]:
    sweep = load_sweep(SweepDir(path))
    study = Study(sweep.statement, summarize(sweep), sweep.directory.metrics)
    written = draw_figures(study, sweep.directory.figures, names or list(FIGURES))
    return [str(file) for file in written] or [f"{path}: nothing was measured that could be drawn"]


def _run(given: argparse.Namespace) -> int:
    return for_each(given, lambda path: _draw(path, given.only))


FIGURES_COMMAND = Command("draw the figures of each sweep (PNG and PDF)", _arguments, _run, _mistakes)
