"""What a command of ``python -m analysis`` is: its options, its own rules, and its work."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass


def _no_mistakes(_given: argparse.Namespace) -> list[str]:
    return []


@dataclass(frozen=True)
class Command:
    """One line of `COMMANDS`.

    `arguments` adds its options to a parser; `mistakes` gives one sentence for each wrong value, before anything is read or written;
    `run` prints what it did and returns the exit code (0 done, 1 something on disk could not be read or written). Heavy libraries are
    imported by `run`, so that every command starts quickly. `run` may raise OSError or ValueError: one sentence, exit code 1.
    """

    explanation: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    mistakes: Callable[[argparse.Namespace], list[str]] = _no_mistakes
