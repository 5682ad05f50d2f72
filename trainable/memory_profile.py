"""Measures the memory of one configuration by training it for two steps, part by part."""

from dataclasses import asdict, dataclass, replace

import psutil
import torch
from torch import nn

from trainable.adapters.attach import attach_adapter
from trainable.device import autocast_dtype, forget_resident_peak, pick_device, resident_peak_bytes
from trainable.distributed import World
from trainable.model.registry import build_model
from trainable.optim.build import build_optimizer
from trainable.optim.state_memory import measured_state_bytes
from trainable.seeding import seed_everything
from trainable.spec.config import ModelConfig, RunConfig
from trainable.step_probe import saved_for_backward
from trainable.train_step import TrainStep, token_loss

# Half a megabyte of weights: what a process takes that trains next to nothing.
_SMALLEST = ModelConfig(name="smallest", vocab_size=1024, context_length=32, d_model=32, num_layers=2, num_heads=2, d_ff=88)


@dataclass(frozen=True)
class MeasuredMemory:
    """Bytes. `peak_bytes` is the largest resident set on a CPU, `process_bytes` included; on a GPU the largest sum of its tensors."""

    device: str
    weights_bytes: int
    gradients_bytes: int
    optimizer_state_bytes: int
    activations_bytes: int
    process_bytes: int
    peak_bytes: int

    def as_json(self) -> dict[str, int | str]:
        return asdict(self)


def measure(config: RunConfig) -> MeasuredMemory:
    """Trains on random tokens, so that no data is needed. Whatever else the process has done before counts to the process."""
    if config.training.num_threads is not None:
        torch.set_num_threads(config.training.num_threads)
    seed_everything(config.training.seed)
    device = pick_device(config.training.device)
    _train(replace(config, model=_SMALLEST, training=replace(config.training, batch_size=1, micro_batch_size=1)), device)
    process = _process_bytes(device)
    _forget_peak(device)
    model, optimizer, gradients = _train(config, device)
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else resident_peak_bytes()
    return MeasuredMemory(
        device=device.type,
        weights_bytes=_bytes(list(model.parameters())),
        gradients_bytes=gradients,
        optimizer_state_bytes=measured_state_bytes(optimizer),
        activations_bytes=_activations(model, config, device),
        process_bytes=process,
        peak_bytes=peak,
    )


def _train(config: RunConfig, device: torch.device) -> tuple[nn.Module, torch.optim.Optimizer, int]:
    """Two steps: the second one finds the optimizer's state in place. Model, optimizer and the bytes of all gradients."""
    training = config.training
    model = build_model(config.model)
    model = attach_adapter(model, config.adapter if config.model is not _SMALLEST else type(config.adapter)()).to(device)
    optimizer = build_optimizer(model, config.optimizer)
    seen: list[int] = []
    optimizer.register_step_pre_hook(lambda *_: seen.append(_bytes([p.grad for p in model.parameters() if p.grad is not None])))
    step = TrainStep(
        model,
        optimizer,
        micro_batch_size=training.micro_batch_size or training.batch_size,
        grad_clip=training.grad_clip,
        autocast=autocast_dtype(training.precision, device),
        world=World(),
    )
    for _ in range(2):
        tokens = _tokens(config, training.batch_size, device)
        step(tokens, tokens, config.optimizer.lr, measure_update=True)
    return model, optimizer, max(seen)


def _activations(model: nn.Module, config: RunConfig, device: torch.device) -> int:
    tokens = _tokens(config, config.training.micro_batch_size or config.training.batch_size, device)
    with saved_for_backward(model) as saved:
        token_loss(model, tokens, tokens, autocast_dtype(config.training.precision, device))
    return saved.bytes


def _tokens(config: RunConfig, rows: int, device: torch.device) -> torch.Tensor:
    return torch.randint(config.model.vocab_size, (rows, config.model.context_length), device=device)


def _bytes(tensors: list[torch.Tensor] | list[nn.Parameter]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _process_bytes(device: torch.device) -> int:
    if device.type == "cpu":
        return int(psutil.Process().memory_info().rss)
    torch.cuda.empty_cache()
    free, total = torch.cuda.mem_get_info(device)
    return total - free - torch.cuda.memory_reserved(device)


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        forget_resident_peak()
