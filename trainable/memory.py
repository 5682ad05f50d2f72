"""How much memory a run will take, before it starts: pure, no torch, so that a sweep is priced in milliseconds.

A step holds weights and optimizer state throughout, and one of two things beside them: in the backward pass the activations
that are still needed and the gradients that are already there, in the update all gradients, what the optimizer works with and (at logged
steps) a copy of the weights for ``optimizer/update_norm``. The larger one makes the peak; an evaluation, in the same micro-batches,
stays below.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import floor, prod

from trainable.adapters.registry import ADAPTERS
from trainable.memory_shares import Shares, shares
from trainable.model.activations import ACTIVATIONS, Numerics, feed_forward_bytes, logits_bytes, saved_bytes, small_blocks_bytes
from trainable.model.size import Shape, linear_shapes, parameter_shapes
from trainable.optim.registry import OPTIMIZERS
from trainable.spec.config import AUTO, RunConfig

GB = 1e9
_FP32 = 4
# A process that has trained a model of half a megabyte, by its resident set on Linux with torch 2.13 for CPUs; with a GPU the
# CUDA context and libraries' workspaces on the device, which torch's own counters leave out.
PROCESS_BYTES = {"cpu": 345_000_000, "cuda": 700_000_000}
# What the first step adds to that (threads, kernels), and what a worker of Ray holds beside it.
FIRST_STEP_BYTES = 15_000_000
RAY_BYTES = 170_000_000
# glibc takes blocks below 32 MiB from its heap (mallopt(3), M_MMAP_THRESHOLD) and gives little of it back: this share of what was
# freed there in the backward pass is still resident when the update comes (0.7 to 1 in measurements).
HEAP_LIMIT_BYTES = 32 * 2**20
HEAP_KEPT = 0.9
# What the caching allocator of a GPU holds beyond the tensors, as a share of them.
ALLOCATOR_SLACK = 0.1
# Trials on one GPU, however small they are.
MOST_TOGETHER = 100


@dataclass(frozen=True)
class MemoryPrediction:
    """Bytes of one process of a run. `backward_bytes` and `update_bytes` come on top of weights and optimizer state, never together.

    A process among `ranks` holds its own share of what these share; what each has for itself counts whole.
    """

    device: str
    weights_bytes: int
    gradients_bytes: int
    optimizer_state_bytes: int
    activations_bytes: int
    backward_bytes: int
    update_bytes: int
    heap_bytes: int
    process_bytes: int
    ranks: int = 1

    @property
    def tensors_peak_bytes(self) -> int:
        return self.weights_bytes + self.optimizer_state_bytes + max(self.backward_bytes, self.update_bytes)

    @property
    def peak_bytes(self) -> int:
        """With what the process takes before it holds a tensor, and what heap or CUDA graph keep of the passes during the update."""
        of_step = max(self.backward_bytes, self.update_bytes + self.heap_bytes)
        return self.process_bytes + self.weights_bytes + self.optimizer_state_bytes + of_step

    def in_process(self, resident_bytes: int) -> "MemoryPrediction":
        """The prediction for a process that is there and has built the model: its resident set is known."""
        if self.device == "cuda":
            return self
        return replace(self, process_bytes=max(0, resident_bytes - self.weights_bytes) + FIRST_STEP_BYTES)

    def in_worker(self) -> "MemoryPrediction":
        """The prediction for a worker of Ray, which brings its own libraries."""
        return replace(self, process_bytes=self.process_bytes + RAY_BYTES) if self.device == "cpu" else self

    @property
    def metered_peak_gb(self) -> float:
        """What ``memory/peak_gb`` is to show: CUDA's counters know tensors only, a resident set knows everything."""
        return (self.tensors_peak_bytes if self.device == "cuda" else self.peak_bytes) / GB


def predict(config: RunConfig, device: str | None = None, rows: int | None = None, ranks: int = 1) -> MemoryPrediction | None:
    """The memory of each of the `ranks` processes of `config`, on `device` (cpu or cuda; None: as the configuration says).

    None for a model that is not one of ours.

    Weights, gradients and optimizer state are exact, activations those of eager execution at `rows` sequences at once (None: the
    configured micro-batch). With an adapter they are those of training every weight, which is an estimate.
    """
    if config.model.architecture not in ACTIVATIONS:
        return None
    device = device or expected_device(config)
    share = config.training.batch_size // ranks
    rows = rows or min(config.training.micro_batch_size or share, share)
    base = parameter_shapes(config.model)
    trained = ADAPTERS[config.adapter.name].trainable(config.adapter, base, linear_shapes(config.model))
    shared = shares(config, ranks, {**base, **trained}, trained)
    optimizer, gradients = OPTIMIZERS[config.optimizer.name], shared.part_of(_bytes(trained))
    numerics = Numerics(bf16=_is_bf16(config, device), on_cpu=device == "cpu")
    activations = saved_bytes(config.model, rows, numerics)
    backward = shared.kept_bytes + _backward_bytes(config, rows, numerics, activations, gradients, shared)
    return MemoryPrediction(
        device=device,
        weights_bytes=shared.part_of(_bytes({**base, **trained})),
        gradients_bytes=gradients,
        optimizer_state_bytes=shared.part_of(optimizer.state_bytes(trained, config.optimizer)),
        activations_bytes=activations,
        backward_bytes=backward,
        update_bytes=shared.kept_bytes + 2 * gradients + shared.part_of(optimizer.workspace_bytes(trained, device)),
        heap_bytes=_heap_bytes(config, rows, numerics, trained) if device == "cpu" else backward if config.training.cuda_graphs else 0,
        process_bytes=PROCESS_BYTES[device] + (optimizer.library_bytes if device == "cpu" else 0),
        ranks=ranks,
    )


def _bytes(shapes: Mapping[str, Shape]) -> int:
    return sum(prod(shape) for shape in shapes.values()) * _FP32


def _backward_bytes(config: RunConfig, rows: int, numerics: Numerics, activations: int, gradients: int, shared: Shares) -> int:
    """The largest of three moments: the loss's gradient, the last block's with the head's gradient done, and the end."""
    model = config.model
    accumulated = config.training.batch_size > rows * shared.ranks or _is_recorded(config, numerics)
    held = gradients if accumulated else 0  # from the micro-batches before, or where a graph adds to them
    logits = logits_bytes(model, rows)
    head = model.vocab_size * model.d_model * _FP32 if config.adapter.name == "none" else 0
    at_loss = shared.gathered_bytes + held + activations + 2 * logits
    at_last_block = shared.gathered_bytes + held + activations - logits + head + 2 * feed_forward_bytes(model, rows, numerics)
    # A tied table waits for both of its gradients and their sum.
    summed = (3 if held else 2) * head if model.tied_embeddings else (head if held else 0)
    return max(at_loss, at_last_block, gradients + summed + shared.exchanged_bytes)


def _heap_bytes(config: RunConfig, rows: int, numerics: Numerics, trained: Mapping[str, Shape]) -> int:
    """What the heap still holds when the update comes: of activations, and of gradients that were added to earlier ones."""
    freed = small_blocks_bytes(config.model, rows, numerics, HEAP_LIMIT_BYTES)
    if config.training.batch_size > rows:
        freed += _bytes({name: shape for name, shape in trained.items() if prod(shape) * _FP32 < HEAP_LIMIT_BYTES})
    return round(HEAP_KEPT * freed)


def _is_recorded(config: RunConfig, numerics: Numerics) -> bool:
    return config.training.cuda_graphs and not numerics.on_cpu


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
