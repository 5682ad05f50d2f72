"""The trainer as a Ray Tune trainable: the only file here that imports ray."""

import faulthandler
import json
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray import tune

from trainable.data.prepare import prepare
from trainable.data.prepared import prepared_directory
from trainable.spec.code_version import require_code
from trainable.spec.compose import from_plain
from trainable.spec.run_dir import RunDir
from trainable.spec.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainable.learner import Learner
    from trainable.spec.config import RunConfig
    from trainable.stored_run import StoredRun
    from trainable.trainer import Evaluation, Trainer


class TransformerTrainable(tune.Trainable):
    """One actor, one trial at a time; the actor and what it imported are used again for the next trial.

    The trial's configuration is ``{"run": ...}``, the assignment (``config``, ``run_dir``, ``identity``, ``clone_from``,
    ``timeout_seconds``) as one JSON text, which Tune neither walks through nor copies. Each result holds the evaluation; rows,
    checkpoints and summary are in the run directory, or, with ``storage``, where that says.
    """

    def setup(self, config: dict[str, Any]) -> None:
        import trainable.trainer  # noqa: F401 - here, and not in the driver, which knows this class too

        self.trainer: Trainer | None = None
        self.stored: StoredRun | None = None
        self.run = json.loads(config["run"])
        self._before: Any = None
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._on_notice)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.let_go()
        self.run = json.loads(new_config["run"])
        return True

    def step(self) -> dict[str, Any]:
        from trainable.stored_run import StoredRun
        from trainable.trainer import Leaving

        if self.run.get("storage") and self.stored is None:
            self.stored = StoredRun(self.run)
            self.run = self.stored.assignment
        try:
            with _Watched(RunDir(Path(self.run["run_dir"])), float(self.run["timeout_seconds"])):
                # Opened by the first step: Tune also sets up actors whose trial it then gives to another one.
                self.trainer = self.trainer or self.open()
                evaluation = self.advance(self.trainer)
        except Leaving:
            self.let_go()
            raise
        if self.trainer.done:
            self.let_go()
        elif self.stored is not None:
            self.stored.keep()
        return as_result(evaluation)

    def get_auto_filled_metrics(self, *_: Any, **__: Any) -> dict[str, Any]:
        """Nothing: what Tune would add is its configuration and numbers that it keeps statistics of, with every result."""
        return {}

    def open(self) -> "Trainer":
        return open_run(self.run)

    def advance(self, trainer: "Trainer") -> "Evaluation":
        return trainer.advance()

    def _on_notice(self, number: int, frame: Any) -> None:
        """A machine that is about to go (spot, maintenance) says so with SIGTERM: the run keeps a checkpoint before it leaves."""
        if self.trainer is not None:
            self.trainer.asked_to_leave = True
        elif callable(self._before):
            self._before(number, frame)
        else:
            sys.exit(128 + number)

    def let_go(self) -> None:
        """Closes the run, so that its trial can continue in another actor; one that is kept at a storage is there in full afterwards."""
        trainer, stored = self.trainer, self.stored
        self.trainer = self.stored = None
        if trainer is not None:
            trainer.close()
        if stored is not None:
            stored.close(None if trainer is None else trainer.step)

    def cleanup(self) -> None:
        self.let_go()
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: a trial's checkpoints are its own, in its run directory."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing: a trial continues from its run directory."""


def open_run(run: dict[str, Any], learn: "Callable[[RunConfig], Learner] | None" = None) -> "Trainer":
    """The trainer of an assignment, with the learner that `learn` makes, on the machine that it is called on. Raises `OtherCode`."""
    from trainable.cloning import Clone
    from trainable.learner import Learner
    from trainable.run_record import RunIdentity
    from trainable.trainer import Trainer

    require_code(run.get("code"))
    config = from_plain(run["config"])
    if not prepared_directory(config.data).exists():
        prepare(config.data)  # this machine does not share the driver's disk: once here, while others wait for it
    clone_from = Clone(**run["clone_from"]) if run.get("clone_from") else None
    return Trainer(config, RunDir(Path(run["run_dir"])), RunIdentity(**run["identity"]), clone_from, learn or Learner)


def as_result(evaluation: "Evaluation") -> dict[str, Any]:
    """A Tune result: the evaluation as one JSON text, which Tune neither flattens nor compares, and whether the trial is done."""
    payload = {
        "step": evaluation.step,
        "metrics": evaluation.metrics,
        "status": str(evaluation.status),
        "stop_reason": evaluation.stop_reason,
        "history": evaluation.history,
    }
    return {"evaluation": json.dumps(payload, allow_nan=False), "done": evaluation.status != Status.RUNNING}


class _Watched:
    """Ends this process, with the stacks of all threads in ``logs/hang.log``, when the body takes longer than the limit.

    A C thread keeps the time, so that it works while Python hangs in foreign code.
    """

    def __init__(self, run_dir: RunDir, seconds: float) -> None:
        self.path, self.seconds = run_dir.hang_traceback, seconds

    def __enter__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = open(self.path, "a")
        faulthandler.dump_traceback_later(self.seconds, exit=True, file=self.file)

    def __exit__(self, *_: object) -> None:
        faulthandler.cancel_dump_traceback_later()
        self.file.close()
        if self.path.stat().st_size == 0:
            self.path.unlink()
