"""Commands that read an archive: a bag, the archive of a paper, or a tar of either."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from trainable.spec.mistakes import did_you_mean


def add_archives(parser: argparse.ArgumentParser) -> None:
    shown = "results/archive/<paper>, a bag in it, or a .tar.gz or .tar.zst of one"
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help=shown)


def archive_mistakes(paths: Sequence[Path], *, tars: bool = True) -> list[str]:
    """One sentence for each path that is no archive; of a tar (where `tars` are taken) only its first bytes are read."""
    return [sentence for path in paths if (sentence := _fault(path, tars))]


def _fault(path: Path, tars: bool) -> str | None:
    from analysis.archive.entries import TAR_ENDINGS, is_tar, starts_like_a_tar
    from analysis.archive.verify import WANTED, holds_archive

    if not path.exists():
        siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        return f"'{path}' does not exist" + (did_you_mean(path.name, siblings) if siblings else "")
    if path.is_dir():
        return None if holds_archive(path) else f"'{path}' is no archive: {WANTED}; give results/archive/<paper>, or a bag in it"
    if tars and is_tar(path):
        return None if starts_like_a_tar(path) else f"'{path}' is no archive: its first bytes are not those of such a file"
    return f"'{path}' is no folder" + (f" and no tar ({', '.join(TAR_ENDINGS)})" if tars else "; restore the archive first")
