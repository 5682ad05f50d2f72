"""Forward and backward passes of all lanes with one structure, in the time of few kernels; the update of each by its own optimizer."""

from collections.abc import Callable, Hashable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainable.device import is_out_of_memory, on_device
from trainable.lanes.forms import lane_forms, low_rank_layers
from trainable.lanes.requests import ScoreRequest, Share, TrainRequest
from trainable.lanes.table import LaneTable, are_neighbours, clip_rows, take
from trainable.optim.build import parameter_groups
from trainable.train_step import StepNumbers

Step = Callable[[float], None]
# peft's names of the two matrices of an update B A.
FIRST, SECOND = ".lora_A.", ".lora_B."


class Engine:
    """Trains the lanes whose models are like `model`: a row of `table` each, and a function that steps it at a learning rate.

    `rank` is the largest that a low-rank update of a lane has; None: all have the model's. Raises `NoLaneForm` for a model that has
    no form for many lanes.
    """

    def __init__(self, key: Hashable, model: nn.Module, capacity: int, autocast: torch.dtype | None, rank: int | None = None) -> None:
        self.key, self.autocast = key, autocast
        self.model, self._slots = lane_forms(model)
        self.model.train()
        named = dict(model.named_parameters())
        # Groups of an optimizer lie together, so that each is stepped as one.
        order = [name for group in parameter_groups(model, 0.0) for name, _ in group["params"]]
        shapes = {name: with_rank(name, tuple(named[name].shape), rank) for name in order}
        self.table = LaneTable(shapes, capacity, named[order[0]].device)
        self.scales = torch.ones(capacity, device=self.table.weights.device)
        self.clips = torch.full_like(self.scales, float("inf"))
        self.steps: dict[int, Step] = {}
        self._loaded: tuple[int, ...] = ()
        self._stacks: dict[str, Tensor] = {}
        self._widest = capacity

    def enter(self, model: nn.Module, step: Callable[[int], Step], grad_clip: float) -> int:
        """The row of a new lane; its model becomes a view of it, `step` makes its update from the row's number."""
        trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
        row = self.table.enter(trained)
        self.scales[row] = scale_of(model)
        self.clips[row] = grad_clip or float("inf")
        self.steps[row] = step(row)
        return row

    def leave(self, row: int) -> None:
        self.table.leave(row)
        del self.steps[row]

    def train(self, requests: Sequence[TrainRequest]) -> list[StepNumbers | None]:
        """Adds the gradients of each request's next share; the numbers of those steps that are complete with it."""
        self._in_parts(requests, self._add_gradients)
        complete = [request for request in requests if not request.shares]
        numbers = dict(zip((request.row for request in complete), self._update(complete), strict=True))
        return [numbers.get(request.row) for request in requests]

    @torch.no_grad()
    def score(self, requests: Sequence[ScoreRequest]) -> list[Tensor]:
        """Mean cross entropy in nats/token of each request's share."""
        found = dict[int, Tensor]()

        def score_part(part: Sequence[ScoreRequest]) -> None:
            losses, _ = self._losses(part, [request.share for request in part])
            found.update(zip((request.row for request in part), losses.unbind(), strict=True))

        self.model.eval()
        self._in_parts(requests, score_part)
        self.model.train()
        return [found[request.row] for request in requests]

    def _in_parts(self, requests: Sequence[TrainRequest | ScoreRequest], work: Callable[..., None]) -> None:
        """All at once; in halves from the first time that memory does not suffice."""
        ordered = sorted(requests, key=lambda request: request.row)
        done = 0
        while done < len(ordered):
            part = ordered[done : done + self._widest]
            try:
                work(part)
            except RuntimeError as error:
                if len(part) == 1 or not is_out_of_memory(error):
                    raise
                self._widest = (len(part) + 1) // 2
                continue
            done += len(part)

    def _add_gradients(self, requests: Sequence[TrainRequest]) -> None:
        shares = [request.shares[0] for request in requests]
        losses, stacks = self._losses(requests, shares)
        weighted = losses * on_device(np.array([share.weight for share in shares], dtype=np.float32), losses.device)
        found = torch.autograd.grad(weighted.sum(), list(stacks.values()))
        self.table.add_gradients([request.row for request in requests], [request.loss is None for request in requests], found)
        for request, loss in zip(requests, weighted.detach().unbind(), strict=True):
            request.shares.pop(0)
            request.loss = loss if request.loss is None else request.loss + loss

    def _losses(self, requests: Sequence[TrainRequest | ScoreRequest], shares: Sequence[Share]) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean loss of each share by its lane, and the stacks it was computed from."""
        stacks = self._load(tuple(request.row for request in requests))
        x, y = torch.cat([share.x for share in shares]), torch.cat([share.y for share in shares])
        with torch.autocast(x.device.type, dtype=self.autocast, enabled=self.autocast is not None):
            logits = self.model(x)
        losses = F.cross_entropy(logits.flatten(0, 1).float(), y.flatten(), reduction="none")
        return losses.view(len(shares), -1).mean(1), stacks

    def _load(self, rows: tuple[int, ...]) -> dict[str, Tensor]:
        """Puts the lanes' parameters into the forms; views of neighbouring rows stay what they are."""
        if rows != self._loaded or not are_neighbours(rows):
            self._loaded, self._stacks = rows, self.table.stacks(rows)
            for form, parameter, name in self._slots:
                form.stack[parameter] = self._stacks[name]
                form.scale = take(self.scales, rows)[:, None, None] if SECOND in name else None
        return self._stacks

    def _update(self, requests: Sequence[TrainRequest]) -> list[StepNumbers]:
        """Clips each lane's gradient by its own norm, as `torch.nn.utils.clip_grad_norm_` does, and steps it."""
        if not requests:
            return []
        rows = [request.row for request in requests]
        norms = clip_rows(self.table.gradients, sorted(rows), self.clips)
        norm_of = dict(zip(sorted(rows), norms.unbind(), strict=True))
        return [self._step(request, norm_of[request.row]) for request in requests]

    def _step(self, request: TrainRequest, norm: Tensor) -> StepNumbers:
        assert request.loss is not None, "every share has been taken off"
        weights = self.table.weights[request.row]
        before = weights.clone() if request.measure_update else None
        self.steps[request.row](request.lr)
        moved = None if before is None else torch.linalg.vector_norm(weights - before)
        return StepNumbers(request.loss, norm, moved)


def with_rank(name: str, shape: tuple[int, ...], rank: int | None) -> tuple[int, ...]:
    """The shape of a parameter when a low-rank update has `rank`."""
    if rank is not None and FIRST in name:
        return (rank, *shape[1:])
    if rank is not None and SECOND in name:
        return (*shape[:-1], rank)
    return shape


def scale_of(model: nn.Module) -> float:
    """What a model's low-rank updates are multiplied with; 1 where it has none."""
    return next((float(scale) for layer in low_rank_layers(model) for scale in layer.scaling.values()), 1.0)
