"""One optimizer step: micro-batches, accumulation, clipping, update; nothing here waits for the device."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from trainable.cuda_graphs import RecordedPasses, Recorder
from trainable.distributed import World, mean_over_ranks
from trainable.sharded import whole

# Of a model, inputs x and targets y [rows, time] and the type of autocast, to nats/token.
Loss = Callable[[nn.Module, torch.Tensor, torch.Tensor, torch.dtype | None], torch.Tensor]


@dataclass
class StepNumbers:
    """Scalars on the device: read them only when they are logged. `update_norm` is None unless it was asked for."""

    loss: torch.Tensor
    grad_norm: torch.Tensor
    update_norm: torch.Tensor | None = None

    @property
    def finite(self) -> torch.Tensor:
        return torch.isfinite(self.loss) & torch.isfinite(self.grad_norm)


class TrainStep:
    """Holds what a step needs; `__call__` takes this rank's share of the global batch, x and y int64 [rows, time].

    `loss` is `token_loss` where none is given; with `record`, passes are recorded once and run again.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        micro_batch_size: int,
        grad_clip: float,
        autocast: torch.dtype | None,
        world: World,
        loss: Loss | None = None,
        record: Recorder | None = None,
    ) -> None:
        self.model = model
        self.loss = loss_of = loss or token_loss
        self.optimizer = optimizer
        self.micro_batch_size = micro_batch_size
        self.grad_clip = grad_clip
        self.autocast = autocast
        self.world = world
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self._passes = None if record is None else RecordedPasses(self.parameters, lambda x, y: loss_of(model, x, y, autocast), record)

    def __call__(self, x: torch.Tensor, y: torch.Tensor, lr: float, *, measure_update: bool) -> StepNumbers:
        """Takes the step at learning rate `lr`. A step whose gradient is not finite leaves weights that are not to be used."""
        loss = self._accumulate(x, y)
        grad_norm = _norm([p.grad for p in self.parameters if p.grad is not None])
        nn.utils.clip_grads_with_norm_(self.parameters, self.grad_clip or float("inf"), grad_norm)
        before = [p.detach().clone() for p in self.parameters] if measure_update else []
        set_lr(self.optimizer, lr)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        update_norm = _distance(self.parameters, before) if measure_update else None
        return StepNumbers(mean_over_ranks(loss, self.world), grad_norm, update_norm)

    def _accumulate(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Gradients of the mean loss over all rows, and that loss."""
        rows = x.shape[0]
        total = torch.zeros((), device=x.device)
        starts = range(0, rows, self.micro_batch_size)
        if self._passes is not None:
            self._passes.begin()
        for start in starts:
            share = slice(start, start + self.micro_batch_size)
            with self._synchronised(last=start == starts[-1]):
                total += self._add_gradients(x[share], y[share], x[share].shape[0] / rows)
        return total

    def _add_gradients(self, x: torch.Tensor, y: torch.Tensor, weight: float) -> torch.Tensor:
        if self._passes is not None:
            return self._passes.add(x, y, weight)
        loss = self.loss(self.model, x, y, self.autocast) * weight
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _synchronised(self, *, last: bool) -> AbstractContextManager[None]:
        """Ranks exchange gradients once a step, with the last micro-batch."""
        if last or not isinstance(self.model, nn.parallel.DistributedDataParallel):
            return nullcontext()
        context: AbstractContextManager[None] = self.model.no_sync()
        return context


def token_loss(
    model: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, y: torch.Tensor, autocast: torch.dtype | None
) -> torch.Tensor:
    """Mean cross entropy in nats/token of the model's predictions of y [rows, time] from x."""
    with torch.autocast(x.device.type, dtype=autocast, enabled=autocast is not None):
        logits = model(x)
    return F.cross_entropy(logits.flatten(0, 1).float(), y.flatten())


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("lr_scale", 1.0)


def _distance(parameters: Sequence[torch.Tensor], before: list[torch.Tensor]) -> torch.Tensor:
    """||theta_t - theta_(t-1)|| over all parameters."""
    torch._foreach_sub_(before, [p.detach() for p in parameters])
    return _norm(before)


def _norm(tensors: list[torch.Tensor]) -> torch.Tensor:
    """The norm of all tensors as one vector; of sharded ones over all ranks."""
    return whole(nn.utils.get_total_norm(tensors))
