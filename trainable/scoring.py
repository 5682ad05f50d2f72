"""Scores a model on fixed batches."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import nn

from trainable.data.batches import Batch
from trainable.device import on_device
from trainable.train_step import token_loss


@dataclass(frozen=True)
class Score:
    """Mean cross entropy in nats/token over `tokens` predictions, and the time it took."""

    loss: float
    tokens: int
    seconds: float

    @property
    def perplexity(self) -> float | None:
        return perplexity(self.loss)

    @property
    def tokens_per_sec(self) -> float | None:
        return self.tokens / self.seconds if self.seconds > 0 else None


def perplexity(loss: float | None) -> float | None:
    """exp(loss); None where that is beyond a double or the loss is missing."""
    if loss is None or not loss < 700:
        return None
    return math.exp(loss)


@torch.no_grad()
def score(model: nn.Module, batches: Iterable[Batch], device: torch.device, autocast: torch.dtype | None) -> Score:
    """Scores `model` (put in evaluation mode, and back as it was); batches weigh by their tokens."""
    was_training = model.training
    model.eval()
    found = weighed(batches, device, lambda x, y: token_loss(model, x, y, autocast))
    model.train(was_training)
    return found


def weighed(batches: Iterable[Batch], device: torch.device, loss_of: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Score:
    """The mean of `loss_of` (x, y on the device, to nats/token) over all tokens of the batches."""
    started = time.perf_counter()
    total, tokens = torch.zeros((), dtype=torch.float64, device=device), 0
    for x, y in batches:
        total += loss_of(on_device(x, device), on_device(y, device)).double() * y.size
        tokens += y.size
    loss = total.item() / tokens
    return Score(loss, tokens, time.perf_counter() - started)
