"""Forward and backward pass of a micro-batch recorded as a CUDA graph, so that one call starts all of their kernels.

The kernels of a small model end sooner than Python starts the next ones. They are the same as without a graph, and so are the numbers.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainable.device import is_out_of_memory
from trainable.distributed import World
from trainable.spec.mistakes import WrongRequest

# Makes of some work one call that does it again on the same memory, and the tensor that holds the work's result after each call.
Recorder = Callable[[Callable[[], Tensor]], tuple[Callable[[], None], Tensor]]
# What is used for the first time may allocate and compile, which a graph cannot hold (torch's own number of passes before it records).
WARM_UP_PASSES = 3
log = logging.getLogger(__name__)


def recorder_of(wanted: bool, device: torch.device, world: World) -> Recorder | None:
    """What records a run's passes; None where none is wanted, or on a CPU, which says so in the log. Raises `WrongRequest`."""
    if not wanted:
        return None
    if not world.is_single:
        raise WrongRequest([f"training.cuda_graphs=true is for a run of one process, and this one has {world.ranks}"])
    if device.type != "cuda":
        log.warning("training.cuda_graphs has no effect on %s: there is no graph to record", device.type)
        return None
    return record


class RecordedPasses:
    """Adds up a step's gradients from a recording for each shape of a micro-batch; `loss` takes x, y [rows, time] to nats/token.

    Gradients lie in tensors of their own, which recordings add to: what a graph returns is overwritten when it runs again. `begin` puts
    them into the parameters' `grad`, whoever ends the step takes them out.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], loss: Callable[[Tensor, Tensor], Tensor], record: Recorder) -> None:
        self._parameters, self._loss, self._record = list(parameters), loss, record
        self._gradients: dict[nn.Parameter, Tensor] = {}
        self._recordings: dict[tuple[torch.Size, float], _Recording] = {}

    def begin(self) -> None:
        """A new step: no gradients yet."""
        for parameter, gradient in self._gradients.items():
            parameter.grad = gradient
        if self._gradients:
            torch._foreach_zero_(list(self._gradients.values()))

    def add(self, x: Tensor, y: Tensor, weight: float) -> Tensor:
        """Adds the gradients of `weight` times the loss; that product, until the next call overwrites it."""
        key = (x.shape, weight)
        if key not in self._recordings:
            self._recordings[key] = self._recorded(x, y, weight)
        recording = self._recordings[key]
        recording.x.copy_(x)
        recording.y.copy_(y)
        recording.run()
        return recording.loss

    def _recorded(self, x: Tensor, y: Tensor, weight: float) -> "_Recording":
        """Leaves gradients and random numbers as they were."""
        x, y = x.clone(), y.clone()
        with torch.random.fork_rng([x.device] if x.device.type == "cuda" else []):
            if not self._gradients:
                self._make_room(x, y)
            kept = [gradient.clone() for gradient in self._gradients.values()]
            try:
                run, loss = self._record(lambda: self._pass(x, y, weight))
            except RuntimeError as error:
                raise error if is_out_of_memory(error) else _told(error)  # noqa: B904 - the context is what it is told from
            torch._foreach_copy_(list(self._gradients.values()), kept)
        return _Recording(x, y, run, loss)

    def _make_room(self, x: Tensor, y: Tensor) -> None:
        """What the loss does not depend on has no gradient, and is not moved by an optimizer."""
        found = torch.autograd.grad(self._loss(x, y), self._parameters, allow_unused=True)
        self._gradients = {p: torch.zeros_like(p) for p, gradient in zip(self._parameters, found, strict=True) if gradient is not None}
        self.begin()

    def _pass(self, x: Tensor, y: Tensor, weight: float) -> Tensor:
        loss = self._loss(x, y) * weight
        found = torch.autograd.grad(loss, list(self._gradients))
        torch._foreach_add_(list(self._gradients.values()), list(found))
        return loss.detach()


@dataclass(frozen=True)
class _Recording:
    """`run` reads `x` and `y` and writes `loss`, always in the same places."""

    x: Tensor
    y: Tensor
    run: Callable[[], None]
    loss: Tensor


def record(work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
    """A `Recorder` of the current CUDA device, as torch's notes on CUDA graphs ask for: warm up on another stream, then capture."""
    here, beside = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
    beside.wait_stream(here)
    with torch.cuda.stream(beside):
        for _ in range(WARM_UP_PASSES):
            work()
    here.wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # other threads may use the device as they like
        result = work()
    return graph.replay, result


def _told(error: BaseException) -> BaseException:
    """The error to raise for one in a recording: memory that ran out stays that, though the end of the capture then fails too."""
    cause: BaseException | None = error
    while cause is not None:
        if is_out_of_memory(cause):
            return torch.OutOfMemoryError(str(cause))
        cause = cause.__context__
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return RuntimeError(f"the training pass of this model cannot be recorded, leave training.cuda_graphs=true out: {reason}")
