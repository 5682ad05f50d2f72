"""``python -m sweeps``: every sweep in a line, with its state on disk; ``sweeps NAME ...`` starts one."""

import argparse
import ast
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from sweeps import CLUSTER, sweep_names
from trainable.spec.command import run_command
from trainable.spec.ledger import DamagedLedger, read_events, replay
from trainable.spec.mistakes import EXIT_DONE, WrongRequest, unknown
from trainable.spec.status import Status
from trainable.spec.sweep_dir import SweepDir, sweeps_dir


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the list, or runs the sweep that the first argument names as ``python -m sweeps.NAME`` would."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in (*sweep_names(), CLUSTER):
        return _start(words[0], words[1:])
    results = Path(_parser().parse_args(words).results)
    if words and not results.is_dir():
        raise WrongRequest([unknown("sweep", words[0], (*sweep_names(), CLUSTER)) + ", and there is no results folder of that name"])
    for name in sweep_names():
        source = (Path(__file__).parent / f"{name}.py").read_text()
        first_line = (ast.get_docstring(ast.parse(source)) or "").splitlines()[0]
        print(f"{name:<22} {first_line}")
        for path in sorted(sweeps_dir(results).glob(f"{name}-*")):
            print(f"{'':<22} {path}: {_state(SweepDir(path))}")
    return EXIT_DONE


def program() -> int:
    """The console script ``sweeps``."""
    return run_command(main)


def _parser() -> argparse.ArgumentParser:
    explanation = "List the sweeps with their state on disk, or start one: NAME and its options stand in place of RESULTS."
    parser = argparse.ArgumentParser(prog="python -m sweeps", description=explanation, epilog="NAME --help has the options of a sweep.")
    parser.add_argument("results", nargs="?", default="results", metavar="RESULTS", help="results folder (default: results)")
    return parser


def _start(name: str, arguments: list[str]) -> int:
    """Leaves with the sweep's exit code."""
    sys.argv[1:] = arguments
    runpy.run_module(f"sweeps.{name}", run_name="__main__", alter_sys=True)
    return EXIT_DONE


def _state(sweep_dir: SweepDir) -> str:
    try:
        state = replay(read_events(sweep_dir.ledger)[0])
    except (DamagedLedger, OSError) as error:
        return str(error)
    unfinished = (Status.RUNNING, Status.PAUSED, Status.INTERRUPTED)
    ended = sum(record.status not in unfinished for record in state.trials.values())
    last = state.endings[-1]["status"] if state.endings else "running, or killed"
    return f"{ended} of {len(state.trials)} started trials ended; last driver: {last}"


if __name__ == "__main__":
    sys.exit(program())
