"""What a probe is, and what it sees of a run."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from trainable.data.batches import train_batch
from trainable.learner import Learner
from trainable.optim.moments import Moments
from trainable.optim.registry import OPTIMIZERS
from trainable.train_step import token_loss

# Sequences of the fixed batch at most: second derivatives take several times the memory of a step.
MOST_ROWS = 8


class View:
    """A learner after `step`, to be looked at: whatever is computed from it, the learner stays as it is."""

    def __init__(self, learner: Learner, step: int) -> None:
        self.learner = learner
        self.step = step
        self.parameters = [p for p in learner.model.parameters() if p.requires_grad]

    def fixed_batch(self) -> tuple[Tensor, Tensor]:
        """The same training sequences at every step of a seed: those of step 0, which no training step takes."""
        x, y = self._batch(0)
        rows = min(self.learner.micro_batch_size, MOST_ROWS)
        return x[:rows], y[:rows]

    @cached_property
    def next_gradient(self) -> dict[nn.Parameter, Tensor]:
        """The clipped gradient that the next step will have, with its very batch and dropout; on several ranks, of this one's share."""
        x, y = self._batch(self.step + 1)
        total = [torch.zeros_like(p) for p in self.parameters]
        for start in range(0, len(x), self.learner.micro_batch_size):
            share = slice(start, start + self.learner.micro_batch_size)
            loss = token_loss(self.learner.model, x[share], y[share], self.learner.autocast) * (len(x[share]) / len(x))
            torch._foreach_add_(total, list(torch.autograd.grad(loss, self.parameters, materialize_grads=True)))
        if limit := self.learner.config.training.grad_clip:
            norm = nn.utils.get_total_norm(total)
            torch._foreach_mul_(total, torch.clamp(limit / (norm + 1e-6), max=1.0))
        return dict(zip(self.parameters, total, strict=True))

    def moments(self) -> dict[nn.Parameter, Moments]:
        """The optimizer's moments of every parameter that has been stepped; empty for an optimizer that offers none."""
        read = OPTIMIZERS[self.learner.config.optimizer.name].moments
        optimizer = self.learner.optimizer
        return {p: read(optimizer, p) for p in self.parameters if optimizer.state.get(p)} if read else {}

    def _batch(self, step: int) -> tuple[Tensor, Tensor]:
        learner, training = self.learner, self.learner.config.training
        x, y = train_batch(
            learner.data.train,
            seed=training.seed,
            step=step,
            rank=learner.world.rank,
            ranks=learner.world.ranks,
            batch_size=training.batch_size,
            context_length=learner.config.model.context_length,
        )
        return torch.from_numpy(x).to(learner.device), torch.from_numpy(y).to(learner.device)


class Probe(ABC):
    """Measures something about a run without changing it. Made once, before the first step; asked at evaluations.

    A probe may not write weights, gradients or optimizer state; random numbers it draws are taken back by its caller.
    """

    def __init__(self, learner: Learner) -> None:
        self.learner = learner

    @abstractmethod
    def measure(self, view: View) -> Mapping[str, float | None]:
        """The metrics that `PROBES` declares for it; None for one that does not exist here."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps so that a resumed run measures the same."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        del state
