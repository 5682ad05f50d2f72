"""Model, optimizer, schedule and data of a run: takes one step, scores, and gives or takes its whole state."""

from functools import cached_property
from typing import Any, cast

import torch

from trainable.adapters.attach import attach_adapter
from trainable.base_config import based
from trainable.data.batches import eval_batches, train_batch
from trainable.data.prepared import Tokens, open_prepared
from trainable.device import autocast_dtype, pick_device
from trainable.distributed import World, join_world, parallel
from trainable.model.registry import build_model
from trainable.optim.build import build_optimizer
from trainable.optim.schedules import lr_at
from trainable.scoring import Score, score
from trainable.seeding import rng_states, seed_everything, set_rng_states
from trainable.spec.config import RunConfig
from trainable.train_step import StepNumbers, TrainStep
from trainable.trained_state import base_reference, load_trained_state, require_same_base, trained_state


class Learner:
    """Everything is seeded by `config.training.seed`; the batches of a step are a function of (seed, step, rank)."""

    def __init__(self, config: RunConfig) -> None:
        training = config.training
        if training.num_threads is not None:
            torch.set_num_threads(training.num_threads)
        seed_everything(training.seed)
        self.config = config
        self.device = pick_device(training.device)
        self.world: World = join_world(self.device.type)
        if self.device.type == "cuda":
            self.device = torch.device("cuda", self.world.local_rank)
        self.autocast = autocast_dtype(training.precision, self.device)
        self.data = open_prepared(config.data)
        self.model = attach_adapter(build_model(based(config)), config.adapter).to(self.device)
        self.optimizer = build_optimizer(self.model, config.optimizer, config.adapter.gate_lr)
        self._train_step = TrainStep(
            parallel(self._compiled(), self.world, self.device),
            self.optimizer,
            micro_batch_size=self.micro_batch_size,
            grad_clip=training.grad_clip,
            autocast=self.autocast,
            world=self.world,
        )

    @property
    def micro_batch_size(self) -> int:
        share = self.config.training.batch_size // self.world.ranks
        return min(self.config.training.micro_batch_size or share, share)

    @property
    def tokens_per_step(self) -> int:
        return self.config.training.batch_size * self.config.model.context_length

    def optimizer_state_bytes(self) -> int:
        """Bytes of the optimizer's state tensors as they are now; shared ones count once."""
        tensors = {t.data_ptr(): t.numel() * t.element_size() for state in self.optimizer.state.values() for t in _tensors(state)}
        return sum(tensors.values())

    def lr(self, step: int) -> float:
        """The learning rate of `step`, counted from 1."""
        config = self.config
        return lr_at(step, config=config.schedule, peak_lr=config.optimizer.lr, max_steps=config.training.max_steps)

    def take_step(self, step: int, *, measure_update: bool) -> StepNumbers:
        """Trains on the batch of `step` (from 1)."""
        training = self.config.training
        x, y = train_batch(
            self.data.train,
            seed=training.seed,
            step=step,
            rank=self.world.rank,
            ranks=self.world.ranks,
            batch_size=training.batch_size,
            context_length=self.config.model.context_length,
        )
        return self._train_step(self._on_device(x), self._on_device(y), self.lr(step), measure_update=measure_update)

    def score(self, tokens: Tokens, batches: int) -> Score:
        """Cross entropy on at most `batches` fixed batches of `tokens`, in micro-batches: it takes no more memory than a step."""
        size, length, rows = self.config.training.batch_size, self.config.model.context_length, self.micro_batch_size
        fixed = eval_batches(tokens, batch_size=size, context_length=length, max_batches=batches)
        parts = ((x[start : start + rows], y[start : start + rows]) for x, y in fixed for start in range(0, len(x), rows))
        return score(self.model, parts, self.device, self.autocast)

    def model_state(self) -> dict[str, torch.Tensor]:
        """What training changes of the model; a frozen base is rebuilt, not kept."""
        return trained_state(self.model)

    def training_state(self) -> dict[str, Any]:
        return {"optimizer": self.optimizer.state_dict(), "rng": rng_states(), "base": self._base}

    def load_model(self, model: dict[str, torch.Tensor], training: dict[str, Any]) -> None:
        """The tensors of a checkpoint. Raises `WrongRequest` when they are of another model, or on another frozen base."""
        require_same_base(self._base, training.get("base"))
        load_trained_state(self.model, model)

    def load(self, model: dict[str, torch.Tensor], training: dict[str, Any]) -> None:
        """Continues from tensors and state of a checkpoint, to the bit."""
        self.load_model(model, training)
        self.optimizer.load_state_dict(training["optimizer"])
        set_rng_states(training["rng"])

    @cached_property
    def _base(self) -> dict[str, Any] | None:
        return base_reference(self.model, pretrained=based(self.config).pretrained, seed=self.config.training.seed)

    def _compiled(self) -> torch.nn.Module:
        if not self.config.training.compile:
            return self.model
        return cast(torch.nn.Module, torch.compile(self.model))

    def _on_device(self, array: Any) -> torch.Tensor:
        tensor = torch.from_numpy(array)
        return tensor.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else tensor


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        return [tensor for item in value.values() for tensor in _tensors(item)]
    return []
