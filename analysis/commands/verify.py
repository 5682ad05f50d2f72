"""``python -m analysis verify PATH...``: every altered, missing, extra or renamed file of an archive by name."""

import argparse
import sys

from analysis.commands.archives import add_archives, archive_mistakes
from analysis.commands.command import Command
from trainable.spec.mistakes import EXIT_DONE, EXIT_FAILED


def _run(given: argparse.Namespace) -> int:
    from analysis.archive.check import check

    code = EXIT_DONE
    for path in given.paths:
        finding = check(path)
        print(finding.as_text(path), file=sys.stderr if finding.faults else sys.stdout)
        code = EXIT_FAILED if finding.faults else code
    return code


VERIFY = Command("check every file of an archive against its manifests", add_archives, _run, lambda given: archive_mistakes(given.paths))
