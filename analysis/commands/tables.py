"""``python -m analysis tables PATH...``: the tables of each sweep as CSV, Markdown and LaTeX."""

import argparse
from pathlib import Path

from analysis.commands.command import Command
from analysis.commands.paths import add_paths, for_each, path_mistakes
from analysis.load import load_sweep
from analysis.summarize import summarize
from analysis.tables.registry import TABLES, write_tables
from trainable.spec.mistakes import unknown
from trainable.spec.sweep_dir import SweepDir


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_paths(parser)
    shown = f"write only this one ({', '.join(TABLES)}); may be given again"
    parser.add_argument("--only", action="append", default=[], metavar="TABLE", help=shown)
    as_is = "take trials.parquet as it is, without looking at ledger and runs (always so where there is no ledger)"
    parser.add_argument("--from-parquet", action="store_true", help=as_is)


def _mistakes(given: argparse.Namespace) -> list[str]:
    return path_mistakes(given) + [unknown("table", name, TABLES) for name in given.only if name not in TABLES]


def _write(path: Path, names: list[str], *, from_parquet: bool) -> list[str]:
    directory = SweepDir(path)
    if not from_parquet and directory.ledger.is_file():
        summarize(load_sweep(directory))
    written = write_tables(directory, directory.tables, names or list(TABLES))
    return [str(file) for file in written] or [f"{path}: no cell has been confirmed yet"]


def _run(given: argparse.Namespace) -> int:
    return for_each(given, lambda path: _write(path, given.only, from_parquet=given.from_parquet))


TABLES_COMMAND = Command("write the tables of each sweep (CSV, Markdown, LaTeX)", _arguments, _run, _mistakes)
