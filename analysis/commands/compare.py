"""``python -m analysis compare PATH...``: confirmed cells against the baseline, and the verdicts, on the terminal."""

import argparse

from analysis.commands.command import Command
from analysis.commands.paths import add_paths, for_each, path_mistakes
from analysis.report.conclusion import look
from trainable.spec.metric_names import METRICS
from trainable.spec.mistakes import unknown
from trainable.spec.sweep_dir import SweepDir


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_paths(parser)
    parser.add_argument("--metric", help="compare by this metric instead of the sweep's own")


def _mistakes(given: argparse.Namespace) -> list[str]:
    strange = given.metric is not None and given.metric not in METRICS
    return path_mistakes(given) + ([unknown("metric", given.metric, METRICS)] if strange else [])


def _run(given: argparse.Namespace) -> int:
    return for_each(given, lambda path: [look(SweepDir(path), given.metric).as_text()])


COMPARE = Command("print confirmed cells against the baseline, and the verdicts", _arguments, _run, _mistakes)
