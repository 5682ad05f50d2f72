"""``python -m analysis reproduce PATH...``: figures and tables rebuilt from an archive's Parquet with the code that it carries."""

import argparse
import subprocess
import sys

from analysis.commands.archives import add_archives, archive_mistakes
from analysis.commands.command import Command
from trainable.spec.mistakes import EXIT_DONE, EXIT_FAILED

_SCRIPT = "reproduce.py"


def _mistakes(given: argparse.Namespace) -> list[str]:
    lacking = [path for path in given.paths if path.is_dir() and not (path / _SCRIPT).is_file()]
    sentences = [f"'{path}' has no {_SCRIPT}: it is neither the archive of a paper nor the bag of a sweep" for path in lacking]
    return archive_mistakes(given.paths, tars=False) or sentences


def _run(given: argparse.Namespace) -> int:
    codes = [subprocess.run([sys.executable, str(path / _SCRIPT)], check=False).returncode for path in given.paths]
    return EXIT_FAILED if any(codes) else EXIT_DONE


REPRODUCE = Command("rebuild figures and tables of an archive and compare checksums", add_archives, _run, _mistakes)
