"""``python -m sweeps``: every sweep in a line, with its state on disk; ``--watch`` follows one."""

import argparse
import ast
import sys
from pathlib import Path

from sweeps import sweep_names
from trainable.spec.command import run_command


def main() -> int:
    """Prints the list, or shows the sweep that is to be watched."""
    parser = argparse.ArgumentParser(prog="python -m sweeps", description=__doc__)
    parser.add_argument("results", nargs="*", default=["results"], help="results folders (default: results)")
    parser.add_argument("--watch", metavar="SWEEP_DIR", type=Path, help="the live view of a sweep that runs in another terminal, or ran")
    given = parser.parse_args()
    if given.watch:
        from rich.console import Console

        from sweeps.runner.watch import watch

        return watch(given.watch, Console(highlight=False))
    from sweeps.runner.overview import overview

    print("\n".join(overview([(name, _question(name)) for name in sweep_names()], given.results)))
    return 0


def _question(name: str) -> str:
    source = (Path(__file__).parent / f"{name}.py").read_text()
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


if __name__ == "__main__":
    sys.exit(run_command(main))
