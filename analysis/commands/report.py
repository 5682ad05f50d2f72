"""``python -m analysis report PATH...``: tables, figures and pages of each sweep, every checkpoint hashed."""

import argparse
from pathlib import Path

from analysis.commands.command import Command
from analysis.commands.paths import add_paths, for_each, path_mistakes
from analysis.report.conclusion import conclude
from trainable.spec.sweep_dir import SweepDir


def _report(path: Path) -> list[str]:
    return [conclude(SweepDir(path), hash_checkpoints=True).as_text(), str(SweepDir(path).results)]


def _run(given: argparse.Namespace) -> int:
    return for_each(given, _report)


REPORT = Command("tables, figures and RESULTS.md of each sweep", add_paths, _run, path_mistakes)
