"""``python -m analysis backup PATH... --to URI``: what changed, copied to another place and read back."""

import argparse
from pathlib import Path

from analysis.commands.command import Command
from trainable.spec.mistakes import EXIT_DONE, did_you_mean


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="folders and files; each is kept under its own name")
    shown = "a folder, file://, s3://bucket/folder, gs://bucket/folder, or a remote of rclone such as gdrive:research"
    parser.add_argument("--to", required=True, metavar="URI", help=shown)
    parser.add_argument("--dry-run", action="store_true", help="say what would be copied and removed, and do neither")
    parser.add_argument("--checksum", action="store_true", help="read every file on both sides, not only what has another size or date")
    parser.add_argument("--prune", action="store_true", help="remove copies of files that are gone, where another verified copy stays")


def _mistakes(given: argparse.Namespace) -> list[str]:
    from analysis.backup.destination import destination_mistakes

    mistakes = []
    for path in given.paths:
        if not path.exists():
            siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
            mistakes.append(f"'{path}' does not exist" + (did_you_mean(path.name, siblings) if siblings else ""))
    names = [path.resolve().name for path in given.paths]
    twice = sorted({name for name in names if names.count(name) > 1})
    mistakes += [f"two paths are named '{name}' and would be one at the destination; back them up to two places" for name in twice]
    return mistakes + destination_mistakes(given.to, "--to")


def _run(given: argparse.Namespace) -> int:
    from analysis.backup.backup import Backup
    from analysis.backup.destination import open_destination

    roots = [path.resolve() for path in given.paths]
    backup = Backup(roots, open_destination(given.to), given.checksum, given.dry_run, given.prune, print)
    outcome = backup.run()
    if given.dry_run:
        print("".join(f"would copy {name}\n" for name in outcome.copied), end="")
        print("".join(f"would remove {name}\n" for name in outcome.pruned), end="")
    print("".join(f"kept {name}: gone here, and no other verified copy of it\n" for name in outcome.kept), end="")
    verb = "to copy" if given.dry_run else "copied and read back"
    print(f"{given.to}: {len(outcome.copied)} files ({outcome.bytes:,} bytes) {verb}, {outcome.unchanged} unchanged")
    return EXIT_DONE


BACKUP = Command("copy what changed to another place, and read it back", _arguments, _run, _mistakes)
