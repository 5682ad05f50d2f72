"""Looks after what cannot tell of its own end: a worker that no longer answers, and a Ray whose node is gone.

A worker ends itself when a step takes too long (`trainable.ray_trainable`), but not when it is stopped (SIGSTOP, a frozen
container), hangs while it opens its run, or sits on a machine that is cut off: then its trial waits for ever. So does the
whole sweep when the raylet of the driver's own machine dies.
"""

import time
from collections.abc import Callable
from typing import Any

import ray
from ray.tune import Callback

from sweeps.runner.endings import RayLost

# Beyond the worker's own limit: what opening a run may take.
MARGIN_SECONDS = 90.0
_LOOK_SECONDS = 2.0


class Vigil(Callback):
    """Part of Tune's loop. `failure` gives what the sweep is to end with; it is raised here, where Tune cleans up and passes it on."""

    def __init__(self, timeout_seconds: float, failure: Callable[[], Exception | None]) -> None:
        self.limit_seconds, self.failure = timeout_seconds + MARGIN_SECONDS, failure
        self._heard: dict[str, float] = {}
        self._looked = time.monotonic()

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._heard[trial.trial_id] = time.monotonic()

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any) -> None:
        self._heard[trial.trial_id] = time.monotonic()

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        if failure := self.failure():
            raise failure
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        running = {trial.trial_id: trial for trial in trials if trial.status == "RUNNING"}
        for name in overdue({name: self._heard.setdefault(name, now) for name in running}, now, self.limit_seconds):
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
