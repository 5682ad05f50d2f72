"""``python -m analysis restore ARCHIVE TARGET``: runs and sweeps out of an archive, or files out of a backup with ``--from URI``."""

import argparse
from pathlib import Path

from analysis.commands.archives import archive_mistakes
from analysis.commands.command import Command
from trainable.spec.mistakes import EXIT_DONE


def _arguments(parser: argparse.ArgumentParser) -> None:
    shown = "results/archive/<paper>, a bag or a tar; with --from a folder of the backup (default: all of it)"
    parser.add_argument("archive", nargs="?", metavar="ARCHIVE", help=shown)
    parser.add_argument("target", type=Path, metavar="TARGET", help="a results directory; existing files are never replaced")
    parser.add_argument("--from", dest="source", metavar="URI", help="bring files back from this backup")


def _mistakes(given: argparse.Namespace) -> list[str]:
    from analysis.backup.destination import destination_mistakes

    occupied = [f"TARGET '{given.target}' is a file"] if given.target.is_file() else []
    if given.source is not None:
        return occupied + destination_mistakes(given.source, "--from")
    if given.archive is None:
        return [*occupied, "ARCHIVE is missing: which archive should be restored? (or --from URI, a backup)"]
    return occupied + archive_mistakes([Path(given.archive)])


def _run(given: argparse.Namespace) -> int:
    if given.source is not None:
        from analysis.backup.destination import open_destination
        from analysis.backup.restore import restore_backup

        back = restore_backup(open_destination(given.source), given.archive, given.target)
        print(f"{given.target}: {back.files} files restored and verified, {back.there} there already")
        return EXIT_DONE
    from analysis.archive.restore import restore

    restored = restore(Path(given.archive), given.target)
    print("\n".join(str(given.target / place) for place in restored.places))
    print(f"{given.target}: {restored.files} files restored and verified, {restored.there} there already")
    return EXIT_DONE


RESTORE = Command("bring runs and sweeps back from an archive or a backup", _arguments, _run, _mistakes)
