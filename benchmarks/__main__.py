"""``python -m benchmarks NAME [options]``: measures ours beside what one would take instead; without a NAME: the list."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from benchmarks.environment import environment
from benchmarks.record import RESULTS, lines, record
from benchmarks.registry import BENCHMARKS
from trainable.spec.command import run_command
from trainable.spec.mistakes import EXIT_DONE, WrongRequest, unknown


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WrongRequest([message])


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Raises `WrongRequest` for an unknown benchmark and for options it does not have."""
    if arguments and not arguments[0].startswith("-") and arguments[0] not in BENCHMARKS:
        raise WrongRequest([unknown("benchmark", arguments[0], BENCHMARKS)])
    parser = _Parser(prog="python -m benchmarks", description=__doc__)
    names = parser.add_subparsers(dest="name", metavar="NAME")
    for name, benchmark in BENCHMARKS.items():
        options = names.add_parser(name, help=benchmark.question, description=benchmark.question)
        options.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="where the result file goes")
        options.add_argument("--part", default="", metavar="NAME", help="goes into the result file's name, beside other parts")
        benchmark.arguments(options)
    return parser.parse_args(arguments)


def measure(arguments: Sequence[str]) -> int:
    given = parse(arguments)
    if given.name is None:
        print("\n".join(f"{name:<20} {benchmark.question}" for name, benchmark in BENCHMARKS.items()))
        return EXIT_DONE
    facts = environment()
    outcome = BENCHMARKS[given.name].run(given)
    path = record("-".join(filter(None, (given.name, given.part))), outcome, facts, given.results)
    print("\n".join([*lines(outcome), str(path)]))
    return EXIT_DONE


def main() -> int:
    return run_command(lambda: measure(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
