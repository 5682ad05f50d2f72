"""What a benchmark is: a question, its options, and work that ends in ratios measured in one run."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Ratio:
    """How many times better ours is than `against` (2.0: twice as fast, half as large), both measured in this run.

    `value` is None when one side could not be measured, `note` then says why. `aim` is the ratio that was hoped for.
    """

    value: float | None
    against: str
    aim: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the aim was reached; None without an aim or a measurement."""
        return None if self.aim is None or self.value is None else self.value >= self.aim


@dataclass(frozen=True)
class Outcome:
    """What a run of a benchmark found; all of it goes into its result file.

    `ratios` by what they compare; `measured` are the numbers behind them, units in the names, plain JSON values only. `device` is
    "cpu" or the name of the accelerator that was measured.
    """

    ratios: Mapping[str, Ratio]
    measured: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"


def _no_arguments(_parser: argparse.ArgumentParser) -> None:
    pass


@dataclass(frozen=True)
class Benchmark:
    """One line of `BENCHMARKS`.

    `arguments` adds its options to a parser, `run` measures. Heavy libraries are imported by `run`. A request that cannot be carried
    out raises `WrongRequest` before anything is measured.
    """

    question: str
    run: Callable[[argparse.Namespace], Outcome]
    arguments: Callable[[argparse.ArgumentParser], None] = _no_arguments
