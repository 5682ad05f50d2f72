"""A lane: the work of one run, in the round's own thread. It works only while the round waits for it."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import torch
from greenlet import getcurrent, greenlet

from trainable.lanes.requests import Request


class Lane:
    """Runs jobs one after another; a job may `ask`, which hands control back until the answer is there.

    Lanes are greenlets: a thread for each took a tenth of the time of small models for waking one another up, on other cores.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.request: Request | None = None
        self._answer: Any = None
        self._work: greenlet | None = None

    def start(self, job: Callable[[], Any], done: Future[Any]) -> None:
        """Runs `job` until it asks or ends; `done` gets what it returns or raises. Called by the round."""
        self._work = greenlet(_run)
        self._work.switch(job, done)

    def answer(self, answer: Any) -> None:
        """Goes on with the answer to its request; an exception is raised there. Called by the round."""
        assert self._work is not None, "only a job asks"
        self.request, self._answer = None, answer
        self._work.switch()

    def ask(self, request: Request) -> Any:
        """The answer to `request`. Called by the job."""
        self.request = request
        turns = getcurrent().parent
        assert turns is not None, "only a job asks"
        with torch.enable_grad():  # of the whole thread; what it was here is known again afterwards
            turns.switch()
        answer, self._answer = self._answer, None
        if isinstance(answer, BaseException):
            raise answer
        return answer


def _run(job: Callable[[], Any], done: Future[Any]) -> None:
    try:
        done.set_result(job())
    except BaseException as error:  # whatever it is, the caller gets it
        done.set_exception(error)
