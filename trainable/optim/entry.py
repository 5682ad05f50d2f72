"""What every optimizer declares; importable without torch, so that a plan can be checked and priced in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainable.optim.moments import MomentReader
from trainable.spec.config import OptimizerConfig

if TYPE_CHECKING:
    import torch

Shape = tuple[int, ...]
ParameterGroup = dict[str, Any]


@dataclass(frozen=True)
class OptimizerEntry:
    """One line of `OPTIMIZERS`.

    `build` takes parameter groups (``params``: pairs of name and parameter; ``weight_decay``), the checked configuration and the
    parameters' device. A setting that is None is left to the library's default.
    `state_bytes` takes the trainable parameters' shapes by name, as `trainable.model.size.parameter_shapes` gives them; it is exact for
    float32 parameters after the first step, without step counters (a few bytes for each tensor).
    `settings` are the fields of `OptimizerConfig` that have a meaning here, beside ``lr`` and ``weight_decay``.
    `moments` reads the moments of a parameter that has been stepped, for probes; None when there is nothing to read.
    `library_bytes` is what importing its library adds to a process that trains.
    """

    build: Callable[[list[ParameterGroup], OptimizerConfig, torch.device], torch.optim.Optimizer]
    state_bytes: Callable[[Mapping[str, Shape], OptimizerConfig], int]
    settings: frozenset[str]
    moments: MomentReader | None = None
    library_bytes: int = 0


def given(**arguments: Any) -> dict[str, Any]:
    """The arguments that are not None."""
    return {name: value for name, value in arguments.items() if value is not None}
