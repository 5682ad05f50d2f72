"""Model, optimizer, schedule and data of a run: takes one step, scores, and gives or takes its whole state."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, cast

import torch

from trainable.adapters.attach import attach_adapter
from trainable.base_config import based
from trainable.compiled import compiled_loss
from trainable.cuda_graphs import recorder_of
from trainable.data.batches import Batch, eval_batches, train_batch
from trainable.data.prepared import Tokens, open_prepared
from trainable.device import MemoryMeter, autocast_dtype, keep_heap, on_device, pick_device
from trainable.distributed import World, averaged, join_world, leave_world, of_all_ranks, placed
from trainable.model.registry import build_model
from trainable.optim.build import build_optimizer
from trainable.optim.schedules import lr_at
from trainable.scoring import Score, score
from trainable.seeding import rng_states, seed_everything, seed_rank, set_rng_states
from trainable.sharded import in_shards, is_sharded, optimizer_state_in_shards, whole_state, whole_tree
from trainable.spec.config import RunConfig
from trainable.train_step import Loss, StepNumbers, TrainStep
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
        if self.device.type == "cpu":
            keep_heap()
        self.world: World = join_world(self.device.type)
        if self.device.type == "cuda":
            self.device = torch.device("cuda", self.world.local_rank)
        self.autocast = autocast_dtype(training.precision, self.device)
        self.data = open_prepared(config.data)
        model = attach_adapter(build_model(based(config)), config.adapter)
        self.model = placed(model, self.world, self.device, config.resources.parallel)
        seed_rank(training.seed, self.world.rank)
        self.optimizer = build_optimizer(self.model, config.optimizer, config.adapter.gate_lr)
        self._train_step = TrainStep(
            averaged(self._compiled_model(), self.world, self.device),
            self.optimizer,
            micro_batch_size=self.micro_batch_size,
            grad_clip=training.grad_clip,
            autocast=self.autocast,
            world=self.world,
            loss=self._loss_of_one_process(),
            record=recorder_of(training.cuda_graphs, self.device, self.world),
        )

    @property
    def micro_batch_size(self) -> int:
        share = self.config.training.batch_size // self.world.ranks
        return min(self.config.training.micro_batch_size or share, share)

    @property
    def tokens_per_step(self) -> int:
        return self.config.training.batch_size * self.config.model.context_length

    def optimizer_state_bytes(self) -> int:
        """Bytes of the optimizer's state tensors as they are now; shared ones count once, those in shards on several ranks whole."""
        tensors = {
            id(t) if is_sharded(t) else t.data_ptr(): t.numel() * t.element_size()
            for state in self.optimizer.state.values()
            for t in _tensors(state)
        }
        return sum(tensors.values())

    def lr(self, step: int) -> float:
        """The learning rate of `step`, counted from 1."""
        config = self.config
        return lr_at(step, config=config.schedule, peak_lr=config.optimizer.lr, max_steps=config.training.max_steps)

    def take_step(self, step: int, *, measure_update: bool) -> StepNumbers:
        """Trains on the batch of `step` (from 1)."""
        return self._train_step(*self._batch(step), self.lr(step), measure_update=measure_update)

    def _batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """This rank's x and y of `step`, int64 [rows, time], on the device."""
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
        return on_device(x, self.device), on_device(y, self.device)

    def score(self, tokens: Tokens, batches: int) -> Score:
        """Cross entropy on at most `batches` fixed batches of `tokens`, in micro-batches: it takes no more memory than a step."""
        return score(self.model, self._fixed(tokens, batches), self.device, self.autocast)

    def _fixed(self, tokens: Tokens, batches: int) -> Iterator[Batch]:
        size, length, rows = self.config.training.batch_size, self.config.model.context_length, self.micro_batch_size
        fixed = eval_batches(tokens, batch_size=size, context_length=length, max_batches=batches)
        return ((x[start : start + rows], y[start : start + rows]) for x, y in fixed for start in range(0, len(x), rows))

    def model_state(self) -> dict[str, torch.Tensor]:
        """What training changes of the model; a frozen base is rebuilt, not kept. All ranks call this, the first one gets the tensors."""
        return whole_state(trained_state(self.model), self.model, keep=self.world.is_main)

    def training_state(self) -> dict[str, Any]:
        """The rest of what a checkpoint needs, whole like the model's."""
        rng, *others = of_all_ranks(rng_states(), self.world)
        optimizer = whole_tree(self.optimizer.state_dict(), keep=self.world.is_main)
        return {"optimizer": optimizer, "rng": rng, "rng_of_other_ranks": others, "base": self.base}

    def load_model(self, model: dict[str, torch.Tensor], training: dict[str, Any]) -> None:
        """The tensors of a checkpoint. Raises `WrongRequest` when they are of another model, or on another frozen base."""
        require_same_base(self.base, training.get("base"))
        load_trained_state(self.model, in_shards(model, trained_state(self.model)))

    def load_optimizer(self, state: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(optimizer_state_in_shards(state, self.optimizer))

    def load(self, model: dict[str, torch.Tensor], training: dict[str, Any]) -> None:
        """Continues from tensors and state of a checkpoint, to the bit with as many ranks; a further rank draws numbers of its own."""
        self.load_model(model, training)
        self.load_optimizer(training["optimizer"])
        kept = [training["rng"], *training.get("rng_of_other_ranks", [])]
        if self.world.rank < len(kept):
            set_rng_states(kept[self.world.rank])

    def memory_meter(self) -> MemoryMeter:
        return MemoryMeter(self.device)

    def close(self) -> None:
        """Lets go of what is shared with other processes."""
        leave_world(self.world)

    @cached_property
    def base(self) -> dict[str, Any] | None:
        return base_reference(self.model, pretrained=based(self.config).pretrained, seed=self.config.training.seed)

    def _compiled_model(self) -> torch.nn.Module:
        """Of several ranks each compiles its model alone: the exchange of gradients stays outside."""
        if not self.config.training.compile or self.world.is_single:
            return self.model
        return cast(torch.nn.Module, torch.compile(self.model))

    def _loss_of_one_process(self) -> Loss | None:
        config = self.config
        if not config.training.compile or not self.world.is_single:
            return None
        return compiled_loss((repr(config.model), repr(config.adapter), self.micro_batch_size, self.autocast, self.device))


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        return [tensor for item in value.values() for tensor in _tensors(item)]
    return []
