"""``python -m sweeps``: every sweep in a line, with its state on disk; ``--watch`` follows one, ``sweeps NAME ...`` starts one."""

import argparse
import ast
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import get_terminal_size

from sweeps import CLUSTER, refuse_without_ray, sweep_names
from sweeps.runner.completion.scripts import SHELLS, script
from trainable.spec.command import run_command
from trainable.spec.mistakes import EXIT_DONE, WrongRequest, unknown


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the list, shows a sweep, or runs the one that the first argument names as ``python -m sweeps.NAME`` would."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in (*sweep_names(), CLUSTER):
        return _start(words[0], words[1:])
    if words and words[0] in ("completion", "complete"):
        return _complete(words[0], words[1:])
    given = _parser().parse_args(words)
    if given.watch:
        return _watch(given.watch)
    missing = [name for name in given.results or [] if not Path(name).is_dir()]
    if missing:
        known = (*sweep_names(), CLUSTER)
        raise WrongRequest([unknown("sweep", name, known) + ", and there is no results folder of that name" for name in missing])
    from sweeps.runner.overview import overview

    lines = overview([(name, _question(name)) for name in sweep_names()], given.results or ["results"])
    print("\n".join(lines if not sys.stdout.isatty() else _fitting(lines, get_terminal_size().columns)))
    return EXIT_DONE


def _fitting(lines: Sequence[str], width: int) -> list[str]:
    """One line each, also on a narrow screen; a directory and its state are shown whole."""
    return [line if line.startswith(" ") or len(line) <= width else f"{line[: width - 1]}…" for line in lines]


def program() -> int:
    """The console script ``sweeps``."""
    return run_command(main)


def _parser() -> argparse.ArgumentParser:
    explanation = "List the sweeps with their state on disk, or start one: NAME and its options stand in place of RESULTS."
    epilog = "NAME --help has the options of a sweep; `completion bash` or `completion zsh` prints a script for the shell."
    parser = argparse.ArgumentParser(prog="python -m sweeps", description=explanation, epilog=epilog)
    parser.add_argument("results", nargs="*", metavar="RESULTS", help="results folders (default: results)")
    parser.add_argument("--watch", metavar="SWEEP_DIR", type=Path, help="start nothing, show a sweep that runs elsewhere, or ran")
    return parser


def _start(name: str, arguments: list[str]) -> int:
    """Leaves with the sweep's exit code."""
    refuse_without_ray()
    sys.argv[1:] = arguments
    runpy.run_module(f"sweeps.{name}", run_name="__main__", alter_sys=True)
    return EXIT_DONE


def _watch(sweep_dir: Path) -> int:
    from rich.console import Console

    from sweeps.runner.watch import watch

    return watch(sweep_dir, Console(highlight=False))


def _complete(command: str, words: list[str]) -> int:
    """``completion SHELL`` prints the script that a shell reads; what that asks for is ``complete LINE``."""
    if command == "completion":
        if len(words) != 1 or words[0] not in SHELLS:
            raise WrongRequest([unknown("shell", " ".join(words), SHELLS)])
        print(script(words[0]), end="")
        return EXIT_DONE
    from sweeps.runner.completion.candidates import candidates

    print("".join(f"{candidate}\n" for candidate in candidates(" ".join(words))), end="")
    return EXIT_DONE


def _question(name: str) -> str:
    source = (Path(__file__).parent / f"{name}.py").read_text()
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


if __name__ == "__main__":
    sys.exit(program())
