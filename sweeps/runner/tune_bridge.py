"""Ray Tune's two hooks, thin: each passes its question on to the conductor.

Nothing here raises into Tune, because there an exception in a hook ends the whole experiment with the hook's work half done:
the first failure is kept in `Guard.failure`, the vigil ends the loop with it, and the launcher reports it.
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from sweeps.runner.conductor import Conductor
from sweeps.runner.plan import Finished

if TYPE_CHECKING:
    from sweeps.runner.fused.lane_pool import LanePool


@dataclass(frozen=True)
class Following:
    """Who follows Tune's loop: `turns` are called in each, some ten times a second, with the trials that have not ended, `results` with a
    trial that gave one. What they raise ends the loop.

    Tune's own callbacks would do as well, but for them it imports the logger of every service that it knows (mlflow, wandb): a second.
    """

    turns: Sequence[Callable[[Collection[Any]], None]] = ()
    results: Sequence[Callable[[Any], None]] = ()


class _NotPickled:
    """Tune pickles its hooks for a restore that this project does not use; what they hold stays in this process."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class Guard(_NotPickled):
    """Runs the conductor's methods for Tune; after the first failure only the fallbacks are given."""

    def __init__(self, conductor: Conductor) -> None:
        self.conductor = conductor
        self.failure: Exception | None = None

    def ask(self, question: Callable[[], Any], fallback: Any) -> Any:
        if self.failure is not None:
            return fallback
        try:
            return question()
        except Exception as error:  # Tune must not see it; the launcher raises it again
            self.failure = error
            return fallback


class PlanSearcher(Searcher):
    """Gives out the plan's next trial, while there is room if `has_room` is given; Tune's own id is mapped to ours by the configuration."""

    def __init__(self, guard: Guard, has_room: Callable[[int], bool] | None = None, pool: "LanePool | None" = None) -> None:
        super().__init__(metric="evaluation", mode="min")
        self.guard, self.has_room, self.pool = guard, has_room, pool

    def __getstate__(self) -> dict[str, Any]:
        """Without what lives in this process only."""
        return {**self.__dict__, "has_room": None}

    def suggest(self, trial_id: str) -> Any:
        del trial_id
        if self.has_room is not None and not self.has_room(self.guard.conductor.at_work):
            return None
        answer = self.guard.ask(self.guard.conductor.next_trial, Finished())
        if isinstance(answer, Finished):
            return Searcher.FINISHED
        if answer is None:
            return None
        if self.pool is not None:
            answer["lane"] = self.pool.place(answer["identity"])
        # One text: Tune copies what it is given several times, walks through it, and keeps it for ever.
        return {"trial": answer["identity"]["trial"], "attempt": answer["identity"]["attempt"], "run": json.dumps(answer)}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """The scheduler's hooks have said it already."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the ledger is the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the ledger is the state."""


class LedgerScheduler(_NotPickled, FIFOScheduler):
    """Records every result and stops a trial where the conductor says so.

    `each_has_room`: no more trials are added than fit, so that one without an actor will have one of its own soon.
    """

    def __init__(
        self, guard: Guard, pool: "LanePool | None" = None, following: Following | None = None, *, each_has_room: bool = True
    ) -> None:
        super().__init__()
        self.guard, self.pool, self._following, self._each_has_room = guard, pool, following or Following(), each_has_room
        self._added: Any = None

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        self._added = trial

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """The trial that has just been added, once: it takes the actor that has just become free.

        Left to itself, Tune gives that actor to a trial whose own is still starting, throws the starting one away and asks for
        another: short trials then never get a second worker. All other trials it starts in their order without being told, and
        without looking through all there ever were, as its own scheduler does in every turn. Where more are added than fit, the one
        that waits longest is to have the free actor, and Tune is left to itself.
        """
        for follow in self._following.turns:
            follow(tune_controller.get_live_trials())
        chosen, self._added = self._added, None
        return chosen if self._each_has_room else None

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        for hear in self._following.results:
            hear(trial)
        stop = self.guard.ask(lambda: self.guard.conductor.on_result(_name(trial), result["evaluation"]), True)
        if stop:
            # The actor waits for another trial; this one may have to continue elsewhere before one comes.
            trial.temporary_state.ray_actor.let_go.remote()
            self._release(trial)
        return str(TrialScheduler.STOP if stop else TrialScheduler.CONTINUE)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        if "evaluation" in result:
            self.guard.ask(lambda: self.guard.conductor.on_result(_name(trial), result["evaluation"]), None)
        self._release(trial)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        self._release(trial)
        self.guard.ask(lambda: self.guard.conductor.on_error(_name(trial), _error_of(trial)), None)

    def _release(self, trial: Any) -> None:
        if self.pool is not None:
            self.pool.release(_name(trial), trial.config["attempt"])


def _name(trial: Any) -> str:
    name: str = trial.config["trial"]
    return name


def _error_of(trial: Any) -> str:
    """The text that Tune kept of a trial's failure."""
    path = trial.error_file
    if not path or not Path(path).exists():
        return "the worker died"
    return Path(path).read_text(errors="replace").strip()
