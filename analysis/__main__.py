"""``python -m analysis COMMAND ...``: tables, comparison, figures and page of sweeps by hand; ``--help`` lists the commands."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from analysis.commands.registry import COMMANDS
from trainable.spec.command import run_command
from trainable.spec.mistakes import EXIT_FAILED, WrongRequest, render, unknown


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WrongRequest([message])


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Raises `WrongRequest` with every mistake: unknown command or option, and whatever the command itself refuses."""
    if arguments and not arguments[0].startswith("-") and arguments[0] not in COMMANDS:
        raise WrongRequest([unknown("command", arguments[0], COMMANDS)])
    given = _parser().parse_args(arguments)
    if mistakes := COMMANDS[given.command].mistakes(given):
        raise WrongRequest(mistakes)
    return given


def _parser() -> _Parser:
    parser = _Parser(prog="python -m analysis", description=__doc__)
    commands: Any = parser.add_subparsers(dest="command", required=True, metavar="{" + ",".join(COMMANDS) + "}")
    for name, command in COMMANDS.items():
        command.arguments(commands.add_parser(name, help=command.explanation, description=command.explanation))
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: done; 1: something on disk could not be read or written; 2: a wrong request."""
    return run_command(lambda: _run(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: Sequence[str]) -> int:
    given = parse(arguments)
    try:
        return COMMANDS[given.command].run(given)
    except (WrongRequest, BrokenPipeError):
        raise
    except (OSError, ValueError) as error:
        print(render([str(error)]), file=sys.stderr)
        return EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
