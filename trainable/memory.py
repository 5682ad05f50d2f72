"""How much memory a run will take, before it starts: pure, no torch, so that a sweep is priced in milliseconds.

A step holds weights and optimizer state throughout, and one of two things beside them: in the backward pass the activations
that are still needed and the gradients that are already there, in the update all gradients and (at logged steps) a copy of the
weights for ``optimizer/update_norm``. The larger one makes the peak; an evaluation, in the same micro-batches, stays below.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, prod

from trainable.adapters.registry import ADAPTERS
from trainable.model.activations import ACTIVATIONS, Numerics, feed_forward_bytes, logits_bytes, saved_bytes
from trainable.model.size import Shape, linear_shapes, parameter_shapes
from trainable.optim.registry import OPTIMIZERS
from trainable.spec.config import AUTO, RunConfig

GB = 1e9
_FP32 = 4
# A process that has trained a model of half a megabyte, by its resident set on Linux with torch 2.13 for CPUs; with a GPU the
# CUDA context and libraries' workspaces on the device, which torch's own counters leave out.
PROCESS_BYTES = {"cpu": 345_000_000, "cuda": 700_000_000}
# What the caching allocator of a GPU holds beyond the tensors, as a share of them.
ALLOCATOR_SLACK = 0.1
# Trials on one GPU, however small they are.
MOST_TOGETHER = 100


@dataclass(frozen=True)
class MemoryPrediction:
    """Bytes of one run on one device. `backward_bytes` and `update_bytes` come on top of weights and optimizer state, never together."""

    device: str
    weights_bytes: int
    gradients_bytes: int
    optimizer_state_bytes: int
    activations_bytes: int
    backward_bytes: int
    update_bytes: int
    process_bytes: int

    @property
    def tensors_peak_bytes(self) -> int:
        return self.weights_bytes + self.optimizer_state_bytes + max(self.backward_bytes, self.update_bytes)

    @property
    def peak_bytes(self) -> int:
        """With what the process takes before it holds a tensor."""
        return self.process_bytes + self.tensors_peak_bytes

    @property
    def metered_peak_gb(self) -> float:
        """What ``memory/peak_gb`` is to show: CUDA's counters know tensors only, a resident set knows everything."""
        return (self.tensors_peak_bytes if self.device == "cuda" else self.peak_bytes) / GB


def predict(config: RunConfig, device: str | None = None, rows: int | None = None) -> MemoryPrediction | None:
    """The memory of `config` on `device` (cpu or cuda; None: as the configuration says); None for a model that is not one of ours.

    Weights, gradients and optimizer state are exact, activations those of eager execution at `rows` sequences at once (None: the
    configured micro-batch). With an adapter they are those of training every weight, which is an estimate.
    """
    if config.model.architecture not in ACTIVATIONS:
        return None
    device = device or expected_device(config)
    rows = rows or config.training.micro_batch_size or config.training.batch_size
    base = parameter_shapes(config.model)
    trained = ADAPTERS[config.adapter.name].trainable(config.adapter, base, linear_shapes(config.model))
    optimizer, gradients = OPTIMIZERS[config.optimizer.name], _bytes(trained)
    numerics = Numerics(bf16=_is_bf16(config, device), on_cpu=device == "cpu")
    activations = saved_bytes(config.model, rows, numerics)
    return MemoryPrediction(
        device=device,
        weights_bytes=_bytes({**base, **trained}),
        gradients_bytes=gradients,
        optimizer_state_bytes=optimizer.state_bytes(trained, config.optimizer),
        activations_bytes=activations,
        backward_bytes=_backward_bytes(config, rows, numerics, activations, gradients),
        update_bytes=2 * gradients,
        process_bytes=PROCESS_BYTES[device] + (optimizer.library_bytes if device == "cpu" else 0),
    )


def _bytes(shapes: Mapping[str, Shape]) -> int:
    return sum(prod(shape) for shape in shapes.values()) * _FP32


def _backward_bytes(config: RunConfig, rows: int, numerics: Numerics, activations: int, gradients: int) -> int:
    """The largest of three moments: the loss's gradient, the last block's with the head's gradient done, and the end."""
    model = config.model
    held = gradients if config.training.batch_size > rows else 0  # from the micro-batches before
    logits = logits_bytes(model, rows)
    head = model.vocab_size * model.d_model * _FP32 if config.adapter.name == "none" else 0
    at_loss = held + activations + 2 * logits
    at_last_block = held + activations - logits + head + 2 * feed_forward_bytes(model, rows, numerics)
    # A tied table waits for both of its gradients and their sum.
    summed = (3 if held else 2) * head if model.tied_embeddings else (head if held else 0)
    return max(at_loss, at_last_block, gradients + summed)


def expected_device(config: RunConfig) -> str:
    """cuda when it is asked for, or when a sweep gives its trials a GPU."""
    wanted = config.training.device
    return "cuda" if wanted == "cuda" or (wanted == AUTO and config.resources.gpus_per_trial) else "cpu"


def _is_bf16(config: RunConfig, device: str) -> bool:
    return config.training.precision == "bf16" or (config.training.precision == AUTO and device == "cuda")


def gpu_fraction(prediction_bytes: int, device_bytes: int) -> float:
    """The share of a GPU to reserve, so that as many trials as fit are packed: 1 / floor(device / need), in Ray's steps of 1e-4.

    `prediction_bytes` is the peak with the process's own; the need has the allocator's slack on top. A trial that does not fit
    gets the whole device, and runs out of memory there.
    """
    together = floor(device_bytes / (prediction_bytes * (1 + ALLOCATOR_SLACK)))
    return floor(10_000 / min(max(1, together), MOST_TOGETHER)) / 10_000
