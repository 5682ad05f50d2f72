"""What every optimizer declares; importable without torch, so that a plan can be checked and priced in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainable.optim.moments import MomentReader
from trainable.optim.shapes import Shape
from trainable.spec.config import OptimizerConfig

if TYPE_CHECKING:
    import torch

ParameterGroup = dict[str, Any]


def no_workspace(shapes: Mapping[str, Shape], device: str) -> int:
    """Of an optimizer that works in place."""
    del shapes, device
    return 0


@dataclass(frozen=True)
class OptimizerEntry:
    """One line of `OPTIMIZERS`.

    `build` takes parameter groups (``params``: pairs of name and parameter; ``weight_decay``), the checked configuration and the
    parameters' device. A setting that is None is left to the library's default.
    `state_bytes` takes the trainable parameters' shapes by name, as `trainable.model.size.parameter_shapes` gives them; it is exact for
    float32 parameters after the first step, without step counters (a few bytes for each tensor).
    `settings` are the fields of `OptimizerConfig` that have a meaning here, beside ``lr`` and ``weight_decay``.
    `elementwise`: a number's update follows from its own gradient and state alone, so that tensors may be joined or parted.
    `moments` reads the moments of a parameter that has been stepped, for probes; None when there is nothing to read.
    `library_bytes` is what importing its library adds to a process that trains, `workspace_bytes` what a step takes for a moment
    beside gradients and state, from the trained shapes and the device (cpu or cuda); measured with torch 2.13 and bitsandbytes 0.50.
    """

    build: Callable[[list[ParameterGroup], OptimizerConfig, torch.device], torch.optim.Optimizer]
    state_bytes: Callable[[Mapping[str, Shape], OptimizerConfig], int]
    settings: frozenset[str]
    moments: MomentReader | None = None
    library_bytes: int = 0
    workspace_bytes: Callable[[Mapping[str, Shape], str], int] = no_workspace
    elementwise: bool = False


def given(**arguments: Any) -> dict[str, Any]:
    """The arguments that are not None."""
    return {name: value for name, value in arguments.items() if value is not None}
