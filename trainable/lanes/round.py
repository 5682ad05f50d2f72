"""All lanes of one process, in turns: those that ask for the like are answered together."""

import queue
import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import torch
from torch import nn

from trainable.lanes.engine import Engine
from trainable.lanes.forms import NoLaneForm
from trainable.lanes.lane import Lane
from trainable.lanes.requests import Asked, ScoreRequest, TrainRequest, chosen

SETTLE_SECONDS = 0.01
_Job = tuple[str, Callable[[Lane], Any] | None, Future[Any]]


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
        self._waiting: list[Asked] = []
        self._engines: dict[Hashable, Engine] = {}
        self._turn = 0
        self._thread = threading.Thread(target=self._serve, name="round", daemon=True)
        self._thread.start()

    def submit(self, name: str, job: Callable[[Lane], Any]) -> Future[Any]:
        """Has lane `name` (made when it is new) do `job`, after those that it was given before; its result or exception."""
        return self._put(name, job)

    def end(self, name: str) -> Future[Any]:
        """Closes a lane when it has done its jobs."""
        return self._put(name, None)

    def close(self) -> None:
        """Ends the round's thread; lanes that are still open are left as they stand."""
        self._jobs.put(None)
        self._thread.join()

    def engine(self, key: Hashable, model: nn.Module, autocast: torch.dtype | None, rank: int | None) -> Engine | None:
        """The engine of models like `model`; None where lanes of them cannot be computed together."""
        if key not in self._engines:
            with suppress(NoLaneForm):
                self._engines[key] = Engine(key, model, self.capacity, autocast, rank)
        return self._engines.get(key)

    def leave(self, engine: Engine, row: int) -> None:
        engine.leave(row)
        if engine.table.is_empty:
            del self._engines[engine.key]

    def _put(self, name: str, job: Callable[[Lane], Any] | None) -> Future[Any]:
        done: Future[Any] = Future()
        self._jobs.put((name, job, done))
        return done

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
            self._start(*submitted)

    def _start(self, name: str, job: Callable[[Lane], Any] | None, done: Future[Any]) -> None:
        if name in self._lanes and self._lanes[name].request is not None:
            self._held.append((name, job, done))
        elif job is None:
            if name in self._lanes:
                self._lanes.pop(name).end()
            done.set_result(None)
        else:
            lane = self._lanes[name] if name in self._lanes else self._open(name)
            lane.start(lambda: job(lane), done)
            self._note(lane)

    def _open(self, name: str) -> Lane:
        self._lanes[name] = Lane(name)
        return self._lanes[name]

    def _note(self, lane: Lane) -> None:
        """Has a lane's request wait; when there is none, its job has ended, and those held back for it come next."""
        if lane.request is not None:
            self._waiting.append(Asked(lane, lane.request, self._turn))
            return
        free = [held for held in self._held if held[0] == lane.name]
        self._held = [held for held in self._held if held[0] != lane.name]
        for held in free:
            self._jobs.put(held)

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
