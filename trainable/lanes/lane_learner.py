"""The learner of a run in a lane: what it trains and scores is computed together with the other lanes'."""

from collections.abc import Hashable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import torch

from trainable.adapters.lora import unranked
from trainable.data.prepared import Tokens
from trainable.device import MemoryMeter, NoMemoryMeter
from trainable.lanes.engine import Engine, Step
from trainable.lanes.flat_optimizer import FlatOptimizer
from trainable.lanes.lane import Lane
from trainable.lanes.requests import ScoreRequest, Share, TrainRequest
from trainable.lanes.round import Round
from trainable.learner import Learner
from trainable.optim.build import parameter_groups
from trainable.optim.registry import OPTIMIZERS
from trainable.scoring import Score, weighed
from trainable.seeding import rng_states, set_rng_states
from trainable.spec.config import RunConfig
from trainable.train_step import StepNumbers, set_lr


class LaneLearner(Learner):
    """A `Learner` whose checkpoints are those of a run by itself, and whose numbers are, up to the order of float sums.

    `rows` is the micro-batch that lanes with other batch sizes have too, `rank` the largest of theirs when ranks differ. What has no
    form for many lanes, draws random numbers in training (dropout) or is compiled trains by itself, between the others' turns.
    """

    def __init__(self, config: RunConfig, lane: Lane, lanes: Round, rows: int | None = None, rank: int | None = None) -> None:
        self._rows = rows
        self._rank = rank if config.adapter.name == "lora" and _is_flat(config) else None
        super().__init__(config)
        self._lane, self._round = lane, lanes
        self._rng = rng_states()
        self._flat: FlatOptimizer | None = None
        self.engine: Engine | None = None
        if not (self._draws or config.training.compile):
            self.engine = lanes.engine(self._structure, self.model, self.autocast, self._rank)
        if self.engine is not None:
            self.row = self.engine.enter(self.model, partial(self._stepping, self.engine), config.training.grad_clip)

    @property
    def micro_batch_size(self) -> int:
        return min(self._rows or super().micro_batch_size, super().micro_batch_size)

    def take_step(self, step: int, *, measure_update: bool) -> StepNumbers:
        if self.engine is None:
            return self._by_itself(step, measure_update=measure_update)
        x, y = self._batch(step)
        parts = zip(torch.split(x, self.micro_batch_size), torch.split(y, self.micro_batch_size), strict=True)
        shares = [Share(some, targets, len(some) / len(x)) for some, targets in parts]
        numbers: StepNumbers = self._lane.ask(TrainRequest(self.engine, self.row, shares, self.lr(step), measure_update))
        return numbers

    def score(self, tokens: Tokens, batches: int) -> Score:
        if self.engine is None:
            return super().score(tokens, batches)
        return weighed(self._fixed(tokens, batches), self.device, partial(self._loss, self.engine))

    def training_state(self) -> dict[str, Any]:
        if self._flat is not None:
            self._flat.give_state()
        return {**super().training_state(), "rng": self._rng}

    def load(self, model: dict[str, torch.Tensor], training: dict[str, Any]) -> None:
        super().load(model, training)
        self._rng = training["rng"]

    def load_optimizer(self, state: dict[str, Any]) -> None:
        super().load_optimizer(state)
        if self._flat is not None:
            self._flat.take_state()

    def memory_meter(self) -> MemoryMeter:
        return NoMemoryMeter(self.device)

    def close(self) -> None:
        if self.engine is not None:
            self._round.leave(self.engine, self.row)
            self.engine = None
        super().close()

    def _loss(self, engine: Engine, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        loss: torch.Tensor = self._lane.ask(ScoreRequest(engine, self.row, Share(x, y)))
        return loss

    def _stepping(self, engine: Engine, row: int) -> Step:
        """The update of this lane's row: in one go where the optimizer treats every number alike, else parameter by parameter."""
        config, table = self.config, engine.table
        entry = OPTIMIZERS[config.optimizer.name]
        if _is_flat(config):
            gate_scale = 1.0 if config.adapter.gate_lr is None else config.adapter.gate_lr / config.optimizer.lr
            groups = parameter_groups(self.model, config.optimizer.weight_decay, gate_scale)
            self._flat = FlatOptimizer(self.optimizer, entry, config.optimizer, groups, table, row)
            return partial(_step, self._flat.flat)
        trained = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]
        gradients = {p: table.of_lane(table.gradients[row], name, p.shape) for name, p in trained}
        return partial(_step_with, self.optimizer, gradients)

    def _by_itself(self, step: int, *, measure_update: bool) -> StepNumbers:
        if not self._draws:
            return super().take_step(step, measure_update=measure_update)
        set_rng_states(self._rng)
        numbers = super().take_step(step, measure_update=measure_update)
        self._rng = rng_states()
        return numbers

    @property
    def _draws(self) -> bool:
        return self.config.model.dropout > 0 or bool(self.config.adapter.dropout)

    @property
    def _structure(self) -> Hashable:
        """What models of lanes that are computed together have in common."""
        base = self.base and self.base["sha256"]
        adapter = unranked(self.config.adapter) if self._rank else self.config.adapter
        parts = {"model": asdict(self.config.model), "adapter": asdict(adapter)}
        return (repr(parts), self._rank, base, self.autocast, str(self.device))


def _is_flat(config: RunConfig) -> bool:
    """Whether an optimizer may step parameters as one; a probe wants to see each."""
    return OPTIMIZERS[config.optimizer.name].elementwise and not config.training.probes


def _step(optimizer: torch.optim.Optimizer, lr: float) -> None:
    set_lr(optimizer, lr)
    optimizer.step()


def _step_with(optimizer: torch.optim.Optimizer, gradients: Mapping[torch.nn.Parameter, torch.Tensor], lr: float) -> None:
    """Lends the parameters their gradients for the step only, since whoever measures a model looks for none."""
    for parameter, gradient in gradients.items():
        parameter.grad = gradient
    _step(optimizer, lr)
    optimizer.zero_grad(set_to_none=True)
