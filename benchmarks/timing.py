"""Measuring times side by side: contenders take turns, so that a busy machine burdens all of them alike."""

import gc
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

Clock = Callable[[], float]
WALL: Clock = time.perf_counter
# Of this process alone: what a machine that is busy with other work leaves untouched.
CPU: Clock = time.process_time


def seconds(work: Callable[[], Any], clock: Clock = WALL) -> float:
    """Time of one call."""
    start = clock()
    work()
    return clock() - start


def take_turns(contenders: Mapping[str, Callable[[], Any]], rounds: int, clock: Clock = WALL) -> dict[str, list[float]]:
    """Seconds of each contender in each of `rounds` rounds, in which every one is called once."""
    return take_turns_by({"one": clock}, contenders, rounds)["one"]


def take_turns_by(
    clocks: Mapping[str, Clock], contenders: Mapping[str, Callable[[], Any]], rounds: int
) -> dict[str, dict[str, list[float]]]:
    """As `take_turns`, by several clocks at once."""
    measured: dict[str, dict[str, list[float]]] = {clock: {name: [] for name in contenders} for clock in clocks}
    for _ in range(rounds):
        for name, work in contenders.items():
            gc.collect()  # what one leaves behind is not cleared away on the next one's time
            starts = [clock() for clock in clocks.values()]
            work()
            for (called, clock), start in zip(clocks.items(), starts, strict=True):
                measured[called][name].append(clock() - start)
    return measured


def medians(measured: Mapping[str, list[float]]) -> dict[str, float]:
    return {name: median(times) for name, times in measured.items()}
