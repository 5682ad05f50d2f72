"""All lanes of one process, in turns: those that ask for the like are answered together."""

import queue
import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from trainable.device import keep_heap
from trainable.lanes.engine import Engine
from trainable.lanes.forms import NoLaneForm
from trainable.lanes.lane import Lane
from trainable.lanes.requests import Asked, ScoreRequest, TrainRequest, chosen

SETTLE_SECONDS = 0.01


@dataclass(eq=False)
class _Job:
    name: str
    work: Callable[[Lane], Any]
    last: bool
    done: Future[Any] = field(default_factory=Future)


class Round:
    """Up to `capacity` lanes. `submit` may be called from any thread; everything else happens in the round's own, one lane at a time.

    A lane that is open but has nothing to do (its run's evaluation is being judged) is waited for as long as others keep coming back
    within `settle_seconds`, so that lanes which evaluated together go on together.
    """

    def __init__(self, capacity: int, settle_seconds: float = SETTLE_SECONDS) -> None:
        self.capacity, self.settle_seconds = capacity, settle_seconds
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._lanes: dict[str, Lane] = {}
        self._held: list[_Job] = []
        self._last: dict[str, bool] = {}
        self._waiting: list[Asked] = []
        self._engines: dict[Hashable, Engine] = {}
        self._turn = 0
        keep_heap()  # before there is another thread, which would get a heap of its own
        self._thread = threading.Thread(target=self._serve, name="round", daemon=True)
        self._thread.start()

    def submit(self, name: str, work: Callable[[Lane], Any], *, last: bool = False) -> Future[Any]:
        """Has lane `name` (made when it is new) do `work`, after what it was given before; its result or exception.

        The lane is gone when it has done its `last` work; what is given to it afterwards is for a new one of that name.
        """
        job = _Job(name, work, last)
        self._jobs.put(job)
        return job.done

    def end(self, name: str) -> Future[Any]:
        """Closes a lane when it has done its work."""
        return self.submit(name, lambda _: None, last=True)

    def close(self) -> None:
        """Ends the round's thread; lanes that are still open are left as they stand."""
        self._jobs.put(None)
        self._thread.join()

    def engine(self, key: Hashable, model: nn.Module, autocast: torch.dtype | None, rank: int | None) -> Engine | None:
        """The engine of models like `model`; None where lanes of them cannot be computed together, or as many are as there is room for."""
        if key not in self._engines:
            with suppress(NoLaneForm):
                self._engines[key] = Engine(key, model, self.capacity, autocast, rank)
        engine = self._engines.get(key)
        return None if engine is None or engine.table.is_full else engine

    def leave(self, engine: Engine, row: int) -> None:
        engine.leave(row)
        if engine.table.is_empty:
            del self._engines[engine.key]

    def _serve(self) -> None:
        while self._start_jobs():
            if self._waiting:
                self._answer(chosen(self._waiting))

    def _start_jobs(self) -> bool:
        """Starts what has been submitted, and waits for it while nothing else can be done; False when the round is closed."""
        while True:
            idle = len(self._lanes) - len(self._waiting)
            seconds = None if not self._waiting else self.settle_seconds if idle else 0.0
            try:
                submitted = self._jobs.get(block=seconds != 0.0, timeout=seconds)
            except queue.Empty:
                return True
            if submitted is None:
                return False
            self._start(submitted)

    def _start(self, job: "_Job") -> None:
        if job.name not in self._lanes:
            self._lanes[job.name] = Lane(job.name)
        lane = self._lanes[job.name]
        if lane.request is not None:
            self._held.append(job)
            return
        lane.start(lambda: job.work(lane), job.done)
        self._last[job.name] = job.last
        self._note(lane)

    def _note(self, lane: Lane) -> None:
        """Has a lane's request wait; when there is none, its job has ended, and those held back for it come next."""
        if lane.request is not None:
            self._waiting.append(Asked(lane, lane.request, self._turn))
            return
        if self._last.pop(lane.name):
            del self._lanes[lane.name]
        free = [job for job in self._held if job.name == lane.name]
        self._held = [job for job in self._held if job.name != lane.name]
        for job in free:
            self._jobs.put(job)

    def _answer(self, together: Sequence[Asked]) -> None:
        self._turn += 1
        answers = _answers([asked.request for asked in together])
        for asked, answer in zip(together, answers, strict=True):
            self._waiting.remove(asked)
            if answer is None:
                asked.turn = self._turn
                self._waiting.append(asked)
            else:
                asked.lane.answer(answer)
                self._note(asked.lane)


def _answers(requests: Sequence[Any]) -> Sequence[Any]:
    """What the requests' engine says; a failure is the answer to each of them."""
    engine: Engine = requests[0].engine
    try:
        if isinstance(requests[0], TrainRequest):
            return engine.train(requests)
        assert isinstance(requests[0], ScoreRequest)
        return engine.score(requests)
    except Exception as error:  # it is raised again in each lane, which knows what to make of it
        return [error] * len(requests)
