"""``python -m analysis archive SWEEP --paper PAPER``: runs and sweep as verified BagIt bags under ``results/archive/<paper>/``."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from analysis.commands.command import Command
from analysis.commands.paths import add_paths, path_mistakes
from trainable.spec.mistakes import EXIT_DONE
from trainable.spec.sweep_dir import SweepDir


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_paths(parser)
    parser.add_argument("--paper", required=True, help="name of the paper's folder, such as paper1-characterization")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="the folder of all papers (default: results/archive beside the sweeps)")
    parser.add_argument("--no-checkpoints", action="store_true", help="leave checkpoints/ of the runs out")
    parser.add_argument("--move", action="store_true", help="remove the sweep and its runs once every archived file has been read back")
    parser.add_argument("--tar", nargs="?", const="gz", choices=("gz", "zst"), help="pack the paper's archive into one file (default: gz)")
    parser.add_argument("--shown-in", metavar="TEXT", help="where the paper shows the sweep, such as 'Fig 1, Table 1'")
    parser.add_argument("--author", action="append", default=[], metavar="'FAMILY, GIVEN'", help="for CITATION.cff; may be given again")


def _mistakes(given: argparse.Namespace) -> list[str]:
    from analysis.archive.paper_dir import PAPER

    mistakes = path_mistakes(given)
    if not PAPER.fullmatch(given.paper):
        mistakes.append(
            f"--paper '{given.paper}' must be a folder name of letters, digits, '.', '_' and '-', such as paper1-characterization"
        )
    if given.move and given.no_checkpoints:
        mistakes.append("--move with --no-checkpoints would delete checkpoints that no archive has; give one of them")
    return mistakes


def _run(given: argparse.Namespace) -> int:
    from analysis.archive.archive import Order, archive
    from analysis.archive.paper_dir import PaperDir, archive_dir
    from analysis.archive.tar import write_tar

    papers = set()
    for path in given.paths:
        paper = PaperDir((given.to or archive_dir(path.resolve().parents[1])) / given.paper)
        today = datetime.now(UTC).date().isoformat()
        done = archive(Order(SweepDir(path), paper, today, not given.no_checkpoints, given.move, given.shown_in, given.author))
        for decision in done.decisions:
            print(f"{decision.folder}: {decision.action}")
        notes = [f"{run}: no directory, not archived" for run in done.missing] + [f"left out: {each}" for each in done.left_out]
        print("".join(f"note: {note}\n" for note in notes), end="", file=sys.stderr)
        print("".join(f"removed {removed}\n" for removed in done.removed), end="")
        papers.add(paper.path)
    for folder in sorted(papers):
        print(folder / "MANIFEST.md")
        if given.tar:
            write_tar(folder, folder.with_name(f"{folder.name}.tar.{given.tar}"))
            print(folder.with_name(f"{folder.name}.tar.{given.tar}"))
    return EXIT_DONE


ARCHIVE = Command("archive sweeps and their runs as BagIt bags for a paper", _arguments, _run, _mistakes)
