"""Measuring times side by side: contenders take turns, so that a busy machine burdens all of them alike."""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any


def seconds(work: Callable[[], Any]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def take_turns(contenders: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each contender in each of `rounds` rounds, in which every one is called once."""
    measured: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, work in contenders.items():
            measured[name].append(seconds(work))
    return measured


def medians(measured: Mapping[str, list[float]]) -> dict[str, float]:
    return {name: median(times) for name, times in measured.items()}
