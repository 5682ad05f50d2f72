"""Commands that work on one sweep or run directory after the other."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from analysis.load import is_run, is_sweep
from analysis.run_folder import is_run_folder
from trainable.spec.mistakes import EXIT_DONE, EXIT_FAILED, did_you_mean, render


def add_paths(parser: argparse.ArgumentParser, *, also_runs: bool = False) -> None:
    """``PATH...``: sweep directories, and run directories or folders of them where those will do."""
    shown = "results/sweeps/<sweep>" + (", results/runs/<run>, or results/runs for all in it" if also_runs else "")
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help=shown)


def path_mistakes(given: argparse.Namespace, *, also_runs: bool = False) -> list[str]:
    """One sentence for each path that the command cannot work on, with the nearest name beside it."""
    return [sentence for path in given.paths if (sentence := _fault(path, given.command, also_runs))]


def for_each(given: argparse.Namespace, work: Callable[[Path], list[str]]) -> int:
    """Prints the lines that `work` gives for each path; a path that cannot be read or written is said, and the next one still done."""
    code = EXIT_DONE
    for path in given.paths:
        try:
            print("\n".join(work(path)))
        except (OSError, ValueError) as error:
            print(render([f"{path}: {error}"]), file=sys.stderr)
            code = EXIT_FAILED
    return code


def _fault(path: Path, command: str, also_runs: bool) -> str | None:
    if is_sweep(path) or (also_runs and (is_run(path) or is_run_folder(path))):
        return None
    if not path.exists():
        siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        return f"'{path}' does not exist" + (did_you_mean(path.name, siblings) if siblings else "")
    if is_run(path):
        return f"'{path}' is a single run; {command} needs a sweep directory (one with a sweep.json)"
    inside = [entry.name for entry in path.iterdir() if is_sweep(entry)] if path.is_dir() else []
    found = f"; sweeps in it: {', '.join(sorted(inside)[:12])}" if inside else ""
    return f"'{path}' is no sweep directory{' and no run directory' if also_runs else ''} (sweep.json is missing){found}"
