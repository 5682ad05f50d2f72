"""What a training step takes alone and in lanes, measured: what decides whether trials are fused."""

import time
from collections.abc import Callable
from functools import partial

import torch

from trainable.device import is_out_of_memory
from trainable.lanes.lane import Lane
from trainable.lanes.lane_learner import LaneLearner
from trainable.lanes.round import Round
from trainable.learner import Learner
from trainable.spec.config import RunConfig

_WARM_UP_STEPS, _STEPS, _REPEATS = 2, 4, 3
# More lanes are tried while they make a lane's step at least this much shorter.
_GAIN = 1.03


def step_seconds(config: RunConfig, most: int, rows: int | None = None, rank: int | None = None) -> dict[int, float]:
    """Seconds of a step of `config` for each lane, for 1 lane (alone), 2, 4, ... up to `most`, as far as more lanes help and fit."""
    found = {1: _alone(config)}
    lanes = 2
    while lanes <= most:
        try:
            found[lanes] = _in_lanes(config, lanes, rows, rank)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return found
        if found[lanes] * _GAIN > found[lanes // 2]:
            return found
        lanes *= 2
    return found


def _alone(config: RunConfig) -> float:
    learner = Learner(config)
    steps = _Steps(learner)
    steps.take(_WARM_UP_STEPS)
    return min(_timed(learner.device, steps.take) for _ in range(_REPEATS)) / _STEPS


def _in_lanes(config: RunConfig, lanes: int, rows: int | None, rank: int | None) -> float:
    together, found = Round(lanes), dict[int, _Steps]()

    def work(number: int, count: int, lane: Lane) -> None:
        if number not in found:
            found[number] = _Steps(LaneLearner(config, lane, together, rows, rank))
        found[number].take(count)

    def take(count: int = _STEPS) -> None:
        for done in [together.submit(str(number), partial(work, number, count)) for number in range(lanes)]:
            done.result()

    try:
        take(_WARM_UP_STEPS)
        return min(_timed(found[0].learner.device, take) for _ in range(_REPEATS)) / (_STEPS * lanes)
    finally:
        for number in found:
            together.end(str(number)).result()
        together.close()


class _Steps:
    def __init__(self, learner: Learner) -> None:
        self.learner, self._step = learner, 0

    def take(self, count: int = _STEPS) -> None:
        for _ in range(count):
            self._step += 1
            self.learner.take_step(self._step, measure_update=False)


def _timed(device: torch.device, work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started
