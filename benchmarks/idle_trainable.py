"""The trainables of idle trials: ours with a trainer that only reports, and one for stock Ray Tune as its documentation writes them."""

import time
from typing import TYPE_CHECKING, Any, Self, cast

from ray import tune

from trainable.ray_trainable import TransformerTrainable
from trainable.spec.status import Status

if TYPE_CHECKING:
    from benchmarks.growth import Growth
    from trainable.trainer import Evaluation, Trainer


class _IdleTrainer:
    """What `TransformerTrainable` asks of a trainer; the metrics are as many as those of a real one."""

    _METRICS = "train/loss train/perplexity eval/perplexity memory/allocated_gb memory/peak_gb time/tokens_per_sec optimizer/grad_norm"

    def __init__(self, run: dict[str, Any], seconds: float) -> None:
        self.evaluations, self.seconds, self.step = int(run["config"]["training"]["max_steps"]), seconds, 0
        self.asked_to_leave = False

    @property
    def done(self) -> bool:
        return self.step == self.evaluations

    def advance(self) -> "Evaluation":
        from trainable.trainer import Evaluation

        time.sleep(self.seconds / self.evaluations)
        self.step += 1
        loss = 1.0 + 1.0 / self.step
        metrics: dict[str, float | None] = {"eval/loss": loss, **dict.fromkeys(self._METRICS.split(), loss)}
        return Evaluation(self.step, metrics, Status.COMPLETED if self.done else Status.RUNNING)

    def close(self) -> None:
        """Nothing is open."""


class IdleTrainable(TransformerTrainable):
    """Everything that our trainable does beside the training."""

    seconds = 0.0

    @classmethod
    def sleeping(cls, seconds: float) -> type[Self]:
        """The class whose trials sleep for so long in all."""
        return cast(type[Self], type(cls.__name__, (cls,), {"seconds": seconds}))

    def open(self) -> "Trainer":
        return cast("Trainer", _IdleTrainer(self.run, self.seconds))


class StockIdle(tune.Trainable):  # type: ignore[misc]
    """Imports torch as a trainable that trains would."""

    def setup(self, config: dict[str, Any]) -> None:
        import torch  # noqa: F401

        self.settings, self.count = config, 0

    def step(self) -> dict[str, Any]:
        time.sleep(self.settings["seconds"] / self.settings["evaluations"])
        self.count += 1
        loss = 1.0 + 1.0 / self.count
        metrics = dict.fromkeys(_IdleTrainer._METRICS.split(), loss)
        return {"loss": loss, **metrics, "done": self.count >= self.settings["evaluations"]}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.settings, self.count = new_config, 0
        return True

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing is worth keeping."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing was kept."""


class Watching(tune.Callback):  # type: ignore[misc]
    """Looks at the driver's memory each time a trial has ended."""

    def __init__(self, growth: "Growth") -> None:
        self.growth, self.ended = growth, 0

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:  # noqa: ARG002
        self.ended += 1
        self.growth.look(self.ended)
