"""The process in which the trials of one slot are trained as lanes; each has a small actor of its own that speaks to Ray Tune for it."""

import faulthandler
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainable.lanes.lane import Lane
    from trainable.spec.config import RunConfig
    from trainable.trainer import Trainer

_Attempt = tuple[str, int]


class LaneHost:
    """An actor with a thread for each of its callers; imports torch where it runs, not where it is asked for."""

    def __init__(self, lanes: int) -> None:
        from trainable.lanes.round import Round

        self._round = Round(lanes)
        self._trainers: dict[_Attempt, Trainer] = {}
        self._busy = 0
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._on_notice)

    def step(self, run: dict[str, Any]) -> dict[str, Any]:
        """The next result of an assignment's trial, as `TransformerTrainable` gives it."""
        attempt = (run["identity"]["trial"], run["identity"]["attempt"])
        for earlier in [known for known in self._trainers if known[0] == attempt[0] and known != attempt]:
            self.let_go(*earlier)
        found: dict[str, Any] = self._round.submit(_name(attempt), partial(self._step, attempt, run)).result()
        return found

    def let_go(self, trial: str, number: int) -> None:
        """Closes an attempt's run, with a checkpoint of the step at work if there is one."""
        attempt = (trial, number)
        if attempt in self._trainers:
            self._trainers[attempt].asked_to_leave = True
        self._round.submit(_name(attempt), lambda _: self._close(attempt), last=True).result()

    def _step(self, attempt: _Attempt, run: dict[str, Any], lane: "Lane") -> dict[str, Any]:
        from trainable.ray_trainable import as_result

        with self._watched(float(run["timeout_seconds"])):
            trainer = self._trainers.get(attempt) or self._open(attempt, run, lane)
            try:
                evaluation = trainer.advance()
            except BaseException:
                self._close(attempt)
                raise
            if trainer.done:
                self._close(attempt)
        return as_result(evaluation)

    def _open(self, attempt: _Attempt, run: dict[str, Any], lane: "Lane") -> "Trainer":
        from trainable.lanes.lane_learner import LaneLearner
        from trainable.ray_trainable import open_run

        common, learners = {name: run["lane"][name] for name in ("rows", "rank")}, list[LaneLearner]()

        def learn(config: "RunConfig") -> LaneLearner:
            learners.append(LaneLearner(config, lane, self._round, **common))
            return learners[-1]

        try:
            self._trainers[attempt] = open_run(run, learn)
        except BaseException:
            for learner in learners:  # its row is another lane's
                learner.close()
            raise
        return self._trainers[attempt]

    def _close(self, attempt: _Attempt) -> None:
        if attempt in self._trainers:
            self._trainers.pop(attempt).close()

    @contextmanager
    def _watched(self, seconds: float) -> Iterator[None]:
        """Ends this process when none of its lanes gets on for longer than the limit; its trials continue from their checkpoints."""
        self._busy += 1
        faulthandler.dump_traceback_later(seconds, exit=True)
        try:
            yield
        finally:
            self._busy -= 1
            if self._busy:
                faulthandler.dump_traceback_later(seconds, exit=True)
            else:
                faulthandler.cancel_dump_traceback_later()

    def _on_notice(self, number: int, frame: Any) -> None:
        """As for a run by itself: every lane keeps a checkpoint before the machine goes."""
        del frame
        if not self._trainers:
            sys.exit(128 + number)
        for trainer in list(self._trainers.values()):
            trainer.asked_to_leave = True


def _name(attempt: _Attempt) -> str:
    return f"{attempt[0]} {attempt[1]}"


def measure(config: dict[str, Any], most: int, common: dict[str, int | None]) -> tuple[dict[int, float], float]:
    """Seconds of a step for each lane, by the number of lanes, and those of the start of a lane's small actor, where it is called."""
    from trainable.lanes.step_seconds import step_seconds
    from trainable.spec.compose import from_plain

    return step_seconds(from_plain(config), most, **common), _start_seconds()


def _start_seconds() -> float:
    """What the process of a small actor has to import."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import sweeps.runner.fused.lane_trainable"], check=True, capture_output=True)
    return time.perf_counter() - started
