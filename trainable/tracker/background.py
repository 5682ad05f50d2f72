"""A tracker that reaches beyond this machine or this process, kept where it can neither stop nor slow the training."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from trainable.tracker.tracker import Row, RunDescription, Tracker


@dataclass(frozen=True)
class Patience:
    """How long the training waits for such a tracker, and how many calls wait for it."""

    start_seconds: float = 60.0
    finish_seconds: float = 5.0
    waiting_calls: int = 1000


PATIENCE = Patience()


class Background(Tracker):
    """Carries out the calls to `tracker` in order in a thread of its own.

    `start` waits and raises what the tracker raises, TimeoutError when it takes too long. After that no call waits and none
    raises: a call for which there is no room is dropped. The first call that is dropped, fails or is not done at the end
    goes to `warn` as one sentence; the later ones do not.
    """

    def __init__(self, name: str, tracker: Tracker, warn: Callable[[str], None], patience: Patience) -> None:
        self._name, self._tracker, self._warn, self._patience = name, tracker, warn, patience
        self._calls: deque[Callable[[], None]] = deque()
        self._final_status: str | None = None
        self._changed = threading.Condition()
        self._started = threading.Event()
        self._start_error: Exception | None = None
        self._warned = False
        self._thread = threading.Thread(target=self._work, name=f"tracker-{name}", daemon=True)

    def start(self, run: RunDescription, resume_step: int | None) -> None:
        self._first_call = partial(self._tracker.start, run, resume_step)
        self._thread.start()
        if not self._started.wait(self._patience.start_seconds):
            self._warned = True  # the refusal says it
            self.end_soon("failed")
            raise TimeoutError(f"not ready after {self._patience.start_seconds:g} s")
        if self._start_error is not None:
            raise self._start_error

    def log(self, row: Row, step: int) -> None:
        self._enqueue(partial(self._tracker.log, dict(row), step))

    def log_summary(self, summary: Mapping[str, Any]) -> None:
        self._enqueue(partial(self._tracker.log_summary, dict(summary)))

    def log_artifact(self, path: Path) -> None:
        self._enqueue(partial(self._tracker.log_artifact, path))

    def finish(self, status: str) -> None:
        """Waits for what is still to be done, but no longer than the patience; then it is left to itself."""
        self.end_soon(status)
        self.wait_until(time.monotonic() + self._patience.finish_seconds)

    def end_soon(self, status: str) -> None:
        """Has the tracker finish after the calls that wait; returns at once."""
        with self._changed:
            self._final_status = status
            self._changed.notify()

    def wait_until(self, deadline: float) -> None:
        """Until the tracker has finished or `time.monotonic()` reaches `deadline`."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            self._warn_once("did not finish in time and is left behind; what it had not recorded is missing there")

    def _enqueue(self, call: Callable[[], None]) -> None:
        with self._changed:
            room = len(self._calls) < self._patience.waiting_calls
            if room:
                self._calls.append(call)
                self._changed.notify()
        if not room:
            self._warn_once("does not keep up; what there is no room for is missing there")

    def _work(self) -> None:
        try:
            self._first_call()
        except (Exception, SystemExit) as error:
            self._start_error = error if isinstance(error, Exception) else RuntimeError(f"it ended with {error!r}")
            return
        finally:
            self._started.set()
        while (call := self._next_call()) is not None:
            self._carry_out(call)
        self._carry_out(partial(self._tracker.finish, self._final_status or ""))

    def _next_call(self) -> Callable[[], None] | None:
        """The oldest call, waiting for one; None when none is left and the end was asked for."""
        with self._changed:
            self._changed.wait_for(lambda: self._calls or self._final_status is not None)
            return self._calls.popleft() if self._calls else None

    def _carry_out(self, call: Callable[[], None]) -> None:
        try:
            call()
        except (Exception, SystemExit) as error:
            self._warn_once(f"failed: {type(error).__name__}: {error}")

    def _warn_once(self, sentence: str) -> None:
        with self._changed:
            first, self._warned = not self._warned, True
        if first:
            self._warn(f"tracker {self._name} {sentence}; the training goes on")
