"""``python -m analysis check PATH...``: the protocol's checklists for runs, sweeps and archives; exit 1 when anything required fails."""

import argparse
import sys
from pathlib import Path

from analysis.commands.command import Command
from analysis.load import is_run, is_sweep
from trainable.spec.mistakes import EXIT_DONE, EXIT_FAILED, did_you_mean, render


def _arguments(parser: argparse.ArgumentParser) -> None:
    shown = "results/runs/<run>, results/sweeps/<sweep> or results/archive/<paper>"
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help=shown)


def _mistakes(given: argparse.Namespace) -> list[str]:
    return [sentence for path in given.paths if (sentence := _fault(path))]


def _fault(path: Path) -> str | None:
    from analysis.checklists.checklists import is_archive

    if not path.exists():
        siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        return f"'{path}' does not exist" + (did_you_mean(path.name, siblings) if siblings else "")
    if path.is_dir() and (is_sweep(path) or is_run(path) or is_archive(path)):
        return None
    return f"'{path}' is no run, no sweep and no archive"


def _run(given: argparse.Namespace) -> int:
    from analysis.checklists.checklists import as_text, results_of

    code = EXIT_DONE
    for path in given.paths:
        try:
            results = results_of(path)
        except (OSError, ValueError) as error:
            print(render([f"{path}: {error}"]), file=sys.stderr)
            code = EXIT_FAILED
            continue
        print(as_text(path, results))
        code = EXIT_FAILED if any(result.is_failure for result in results) else code
    return code


CHECK = Command("go through the protocol's checklists; exit 1 when anything required fails", _arguments, _run, _mistakes)
