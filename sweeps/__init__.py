"""One module for each sweep; ``python -m sweeps`` lists them."""

import sys
from pathlib import Path

CLUSTER = "cluster"  # a program of this package, and no sweep


def sweep_names() -> list[str]:
    """The sweeps of this package, by the names of their files."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_") and path.stem != CLUSTER)


def _refuse_unknown() -> None:
    """``python -m sweeps.<unknown>`` ends here: Python itself would only say that there is no such module."""
    words = sys.orig_argv
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
    package, _, name = module.partition(".")
    if package != "sweeps" or not name or name.split(".")[0] in {*sweep_names(), "runner", CLUSTER}:
        return
    from trainable.spec.mistakes import EXIT_WRONG_REQUEST, render, unknown

    print(render([unknown("sweep", name, sweep_names())]), file=sys.stderr)
    sys.exit(EXIT_WRONG_REQUEST)


_refuse_unknown()
