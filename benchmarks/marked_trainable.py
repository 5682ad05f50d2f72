"""Trainables that write down when they came to what: the worker's side of `benchmarks.first_step`. The imports are part of it."""

import time

_MARKS = {"worker_reached": time.time()}

from pathlib import Path  # noqa: E402 - the clock has to be read first
from typing import TYPE_CHECKING, Any  # noqa: E402

from ray import tune  # noqa: E402

from trainable.ray_trainable import TransformerTrainable  # noqa: E402
from trainable.spec.compose import from_plain  # noqa: E402

if TYPE_CHECKING:
    from trainable.trainer import Trainer

MARKS = "first_step.json"


class MarkedTrainable(TransformerTrainable):
    """Ours, which stops to look at the clock when it is set up, when its trainer is open and when that has taken a step."""

    def setup(self, config: dict[str, Any]) -> None:
        _import_marked()
        super().setup(config)
        _MARKS["actor_ready"] = time.time()

    def open(self) -> "Trainer":
        _MARKS["asked_to_train"] = time.time()
        trainer = super().open()
        _MARKS["trainer_open"] = time.time()
        take_step = trainer.learner.take_step

        def marked(step: int, *, measure_update: bool) -> Any:
            numbers = take_step(step, measure_update=measure_update)
            if "first_step" not in _MARKS:
                numbers.loss.item()
                _leave_marks(Path(self.run["run_dir"]))
            return numbers

        trainer.learner.take_step = marked  # type: ignore[method-assign]
        return trainer


class StockMarked(tune.Trainable):  # type: ignore[misc]
    """The same model, optimizer and data in a trainable as Ray's documentation writes it: built in `setup`, a step in `step`."""

    def setup(self, config: dict[str, Any]) -> None:
        _import_marked()
        from trainable.learner import Learner

        _MARKS["actor_ready"] = _MARKS["asked_to_train"] = time.time()
        self.folder, self.learner, self.count = Path(config["folder"]), Learner(from_plain(config["run"])), 0
        _MARKS["trainer_open"] = time.time()

    def step(self) -> dict[str, Any]:
        self.count += 1
        loss = float(self.learner.take_step(self.count, measure_update=False).loss.item())
        if "first_step" not in _MARKS:
            _leave_marks(self.folder)
        return {"loss": loss, "done": False}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing is worth keeping."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing was kept."""


def _import_marked() -> None:
    """In the worker alone: the driver imports this module too."""
    import torch  # noqa: F401 - measured by itself

    _MARKS["torch_imported"] = time.time()
    import trainable.trainer  # noqa: F401

    _MARKS["code_imported"] = time.time()


def _leave_marks(folder: Path) -> None:
    from trainable.spec.atomic_write import write_json

    _MARKS["first_step"] = time.time()
    write_json(folder / MARKS, _MARKS)
