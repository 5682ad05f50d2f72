"""The probes that a run asks for, asked at its evaluations; the run goes on as if they were not there."""

import logging
import math
import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from trainable.device import MemoryMeter, is_out_of_memory
from trainable.learner import Learner
from trainable.probes.probe import Probe, View
from trainable.probes.registry import PROBES
from trainable.seeding import rng_states, set_rng_states

log = logging.getLogger(__name__)


class ProbeSet:
    """`seconds` is what the probes of this run have cost so far, None without probes. Only the first rank measures."""

    def __init__(self, learner: Learner, memory: MemoryMeter) -> None:
        self._learner, self._memory = learner, memory
        names = learner.config.training.probes if learner.world.is_main else []
        self._probes = {name: _open(name, learner) for name in PROBES if name in names}
        self.seconds = 0.0 if self._probes else None

    def measure(self, step: int) -> dict[str, float | None]:
        """The metrics of all probes, by their names, where they are due; random numbers and peak memory stay the run's own."""
        if self.seconds is None or not self._is_due(step):
            return {}
        started, rng, view = time.perf_counter(), rng_states(), View(self._learner, step)
        found: dict[str, float | None] = {}
        with self._memory.aside():
            for name, probe in self._probes.items():
                set_rng_states(rng)
                found |= _finite(_measure(name, probe, view))
        set_rng_states(rng)
        self.seconds += time.perf_counter() - started
        return found

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"seconds": self.seconds, **{name: probe.state() for name, probe in self._probes.items()}}

    def load(self, state: dict[str, Any]) -> None:
        """Continues the probes that were there before; one that was not starts anew."""
        for name, probe in self._probes.items():
            if name in state:
                probe.load(state[name])
        if self.seconds is not None:
            self.seconds = state.get("seconds") or 0.0

    def _is_due(self, step: int) -> bool:
        training = self._learner.config.training
        return step % (training.probe_interval or training.eval_interval) == 0 or step == training.max_steps


def _open(name: str, learner: Learner) -> Probe:
    return cast(Probe, import_module(PROBES[name].module).Probe(learner))


def _measure(name: str, probe: Probe, view: View) -> Mapping[str, float | None]:
    try:
        return probe.measure(view)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        log.warning("probe %s left out at step %d: %s", name, view.step, str(error).splitlines()[0])
        return dict.fromkeys(PROBES[name].metrics)


def _finite(metrics: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: value if value is not None and math.isfinite(value) else None for name, value in metrics.items()}
