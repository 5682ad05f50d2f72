"""One module for each sweep; ``python -m sweeps`` lists them."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

CLUSTER = "cluster"  # a program of this package, and no sweep


def sweep_names() -> list[str]:
    """The sweeps of this package, by the names of their files."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_") and path.stem != CLUSTER)


def refuse_without_ray() -> None:
    """Ends a program that was started with another Python than the project's, which would only say that a module is missing."""
    if find_spec("ray") is None:
        _refuse(f"{sys.executable} has no Ray: make setup, then source .venv/bin/activate; or pip install . into this Python")


def _refuse_unknown() -> None:
    """``python -m sweeps.<unknown>`` ends here: Python itself would only say that there is no such module."""
    words = sys.orig_argv
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
    package, _, name = module.partition(".")
    if package != "sweeps" or not name:
        return
    if name.split(".")[0] not in {*sweep_names(), "runner", CLUSTER}:
        from trainable.spec.mistakes import unknown

        _refuse(unknown("sweep", name, sweep_names()))
    refuse_without_ray()


def _refuse(mistake: str) -> NoReturn:
    from trainable.spec.mistakes import EXIT_WRONG_REQUEST, render

    print(render([mistake]), file=sys.stderr)
    sys.exit(EXIT_WRONG_REQUEST)


_refuse_unknown()
