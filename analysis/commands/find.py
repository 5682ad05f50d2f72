"""``python -m analysis find --tag paper1``: the runs that have all given tags, one line each."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.commands.command import Command
from analysis.experiments.tags import has_all, tags_of
from trainable.spec.mistakes import EXIT_DONE, did_you_mean


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tag", action="append", required=True, help="such as paper1 or optimizer:adam8bit; given again: all must be there"
    )
    parser.add_argument("--in", dest="folder", type=Path, default=Path("results"), metavar="DIR", help="where to look (default: results)")


def _mistakes(given: argparse.Namespace) -> list[str]:
    return [] if given.folder.is_dir() else [f"--in '{given.folder}' is no directory"]


def _run(given: argparse.Namespace) -> int:
    known: set[str] = set()
    found = 0
    for path, summary in _summaries(given.folder):
        tags = tags_of(summary)
        known.update(tags)
        if has_all(tags, given.tag):
            found += 1
            print(f"{path.parent}  {' '.join(tags)}")
    if not found:
        near = "".join(did_you_mean(tag, known | {name.partition(":")[2] for name in known if ":" in name}) for tag in given.tag)
        print(f"no run in {given.folder} has {' and '.join(given.tag)}{near if known else ''}", file=sys.stderr)
    return EXIT_DONE


def _summaries(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(path for path in folder.rglob("summary.json") if "wandb" not in path.parts):
        try:
            summary = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(summary, dict):
            yield path, summary


FIND = Command("list the runs that have all given tags", _arguments, _run, _mistakes)
