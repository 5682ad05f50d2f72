"""The training metrics of a logged step, by the names of `trainable.spec.metric_names`."""

import math
import time

import torch

from trainable.data.batches import epoch_of
from trainable.learner import Learner
from trainable.scoring import perplexity
from trainable.train_step import StepNumbers

Metrics = dict[str, float | None]


class StepMetrics:
    """Keeps the time and the memory between two logged steps; evaluations do not count as training time."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self.memory = learner.memory_meter()
        self.restart_clock(0)

    def restart_clock(self, step: int) -> None:
        self._step, self._time = step, time.perf_counter()

    def epoch(self, step: int) -> float:
        """Passes over the training tokens after `step` steps."""
        config = self.learner.config
        size, length = config.training.batch_size, config.model.context_length
        return epoch_of(step, batch_size=size, context_length=length, tokens=len(self.learner.data.train))

    def read(self, step: int, numbers: StepNumbers) -> Metrics:
        """The metrics of `step`; on a GPU this waits for it."""
        loss, now = numbers.loss.item(), time.perf_counter()
        steps, seconds = step - self._step, now - self._time
        self._step, self._time = step, now
        return {
            "epoch": self.epoch(step),
            "train/loss": loss,
            "train/perplexity": perplexity(loss),
            **self.memory.read(),
            "time/tokens_per_sec": steps * self.learner.tokens_per_step / seconds,
            "time/step_time_ms": seconds / steps * 1e3,
            "optimizer/lr": self.learner.lr(step),
            "optimizer/grad_norm": numbers.grad_norm.item(),
            "optimizer/update_norm": _finite(numbers.update_norm),
        }


def _finite(value: torch.Tensor | None) -> float | None:
    """A number, or None where it was not measured or is beyond all numbers."""
    return value.item() if value is not None and math.isfinite(value) else None
