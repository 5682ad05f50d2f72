"""``python -m sweeps``: every sweep in a line, with its state on disk."""

import ast
import sys
from pathlib import Path

from sweeps import sweep_names
from trainable.spec.ledger import DamagedLedger, read_events, replay
from trainable.spec.status import Status
from trainable.spec.sweep_dir import SweepDir, sweeps_dir


def main() -> int:
    """Prints the list; the first argument is the results folder."""
    results = sys.argv[1] if len(sys.argv) > 1 else "results"
    for name in sweep_names():
        source = (Path(__file__).parent / f"{name}.py").read_text()
        first_line = (ast.get_docstring(ast.parse(source)) or "").splitlines()[0]
        print(f"{name:<22} {first_line}")
        for path in sorted(sweeps_dir(results).glob(f"{name}-*")):
            print(f"{'':<22} {path}: {_state(SweepDir(path))}")
    return 0


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
    sys.exit(main())
