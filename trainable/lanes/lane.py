"""A lane: the thread of one run. It works only while the round waits for it, so that all lanes together are one sequence of work."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from trainable.lanes.requests import Request


class Lane:
    """Runs jobs one after another; a job may `ask`, which hands control back until the answer is there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.request: Request | None = None
        self._job: tuple[Callable[[], Any], Future[Any]] | None = None
        self._answer: Any = None
        self._go, self._back = _closed_gate(), _closed_gate()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def start(self, job: Callable[[], Any], done: Future[Any]) -> None:
        """Runs `job` until it asks or ends; `done` gets what it returns or raises. Called by the round."""
        self._job = (job, done)
        self._switch()

    def answer(self, answer: Any) -> None:
        """Goes on with the answer to its request; an exception is raised there. Called by the round."""
        self.request, self._answer = None, answer
        self._switch()

    def end(self) -> None:
        self._job = None
        self._go.release()
        self._thread.join()

    def ask(self, request: Request) -> Any:
        """The answer to `request`. Called by the job, in the lane's own thread."""
        self.request = request
        self._back.release()
        self._go.acquire()
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer

    def _switch(self) -> None:
        self._go.release()
        self._back.acquire()

    def _work(self) -> None:
        while True:
            self._go.acquire()
            if self._job is None:
                return
            job, done = self._job
            try:
                done.set_result(job())
            except BaseException as error:  # whatever it is, the caller gets it
                done.set_exception(error)
            self._back.release()


def _closed_gate() -> threading.Lock:
    """Whoever acquires it waits until another thread releases it: a third of the time of a semaphore with a count of one."""
    gate = threading.Lock()
    gate.acquire()
    return gate
