"""Looks after what cannot tell of its own end: a worker that no longer answers, and a Ray whose node is gone.

A worker ends itself when a step takes too long (`trainable.ray_trainable`), but not when it is stopped (SIGSTOP, a frozen
container), hangs while it opens its run, or sits on a machine that is cut off: then its trial waits for ever. So does the
whole sweep when the raylet of the driver's own machine dies.
"""

import time
from collections.abc import Callable, Collection
from typing import Any

import ray

from sweeps.runner.endings import RayLost

# Beyond the worker's own limit: what opening a run may take.
MARGIN_SECONDS = 90.0
_LOOK_SECONDS = 2.0


class Vigil:
    """Part of Tune's loop. `failure` gives what the sweep is to end with; it is raised here, where Tune cleans up and passes it on."""

    def __init__(self, timeout_seconds: float, failure: Callable[[], Exception | None]) -> None:
        self.limit_seconds, self.failure = timeout_seconds + MARGIN_SECONDS, failure
        self._heard: dict[str, float] = {}
        self._looked = time.monotonic()

    def heard(self, trial: Any) -> None:
        """It gave a result."""
        self._heard[trial.trial_id] = time.monotonic()

    def follow(self, trials: Collection[Any]) -> None:
        """Of the trials of this moment: those that have not ended."""
        if failure := self.failure():
            raise failure
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        running = {trial.trial_id: trial for trial in trials if trial.status == "RUNNING"}
        self._heard = {name: self._heard.get(name, now) for name in running}
        for name in overdue(self._heard, now, self.limit_seconds):
            self._heard[name] = now
            ray.kill(running[name].temporary_state.ray_actor)
        if not _own_node_lives():
            raise RayLost("the Ray node of this machine died")


def overdue(heard: dict[str, float], now: float, limit_seconds: float) -> list[str]:
    """Those from which nothing was heard for longer than the limit."""
    return [name for name, at in heard.items() if now - at > limit_seconds]


def _own_node_lives() -> bool:
    own = ray.get_runtime_context().get_node_id()
    return any(node["Alive"] for node in ray.nodes() if node["NodeID"] == own)
