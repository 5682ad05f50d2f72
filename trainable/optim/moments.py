"""An optimizer's moments of one parameter in float32, and what storing them loses: read by probes, never by a step.

Importable without torch; the tensors bring it along.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Rounding = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Moment:
    """`value` float32 of the parameter's shape, as it is read back from `bits` bits an entry.

    The next step has decay * value + (1 - decay) * x, x the gradient (first moment) or its square (second). `kept` gives what
    would be read back of a value after storing it; None where it is stored as it is.
    """

    value: Tensor
    bits: int
    decay: float
    kept: Rounding | None = None

    def next(self, x: Tensor) -> Tensor:
        return self.value.lerp(x, 1 - self.decay)


@dataclass(frozen=True)
class Moments:
    """First and second moment; None for one that the optimizer does not have. `factored`: `v` is R C^T / mean(R)."""

    m: Moment | None = None
    v: Moment | None = None
    factored: bool = False


MomentReader = Callable[["torch.optim.Optimizer", "torch.nn.Parameter"], Moments]


def float_moments(optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter) -> Moments:
    """Of PyTorch's Adam, AdamW, Muon and SGD."""
    state, group = optimizer.state[parameter], _group_of(optimizer, parameter)
    decays = group.get("betas", (group.get("momentum", 0.0), 0.0))
    return Moments(
        _exact(state.get("exp_avg", state.get("momentum_buffer")), decays[0]),
        _exact(state.get("exp_avg_sq"), decays[1]),
    )


def bitsandbytes_adam_moments(optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter) -> Moments:
    """Of bitsandbytes' 8-bit Adam."""
    decays = _group_of(optimizer, parameter)["betas"]
    state = optimizer.state[parameter]
    return Moments(_bitsandbytes(state, 1, decays[0]), _bitsandbytes(state, 2, decays[1]))


def bitsandbytes_lion_moments(optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter) -> Moments:
    """Of bitsandbytes' 8-bit Lion, whose momentum moves on by its second beta (Chen et al. 2023, algorithm 2)."""
    decays = _group_of(optimizer, parameter)["betas"]
    return Moments(_bitsandbytes(optimizer.state[parameter], 1, decays[1]))


def blockwise_moments(optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter) -> Moments:
    """Of `BlockwiseAdam`: adam4bit and hybrid."""
    from trainable.optim.moment_plan import SIGNED_FORMATS

    plan, state = optimizer.plans[parameter], optimizer.state[parameter]  # type: ignore[attr-defined]
    decays = _group_of(optimizer, parameter)["betas"]
    m = _blockwise(state, "m", parameter, plan, SIGNED_FORMATS.get(state["bits_m"]), decays[0])
    if plan.factored:
        stacked = _outer(state["v_row"].unsqueeze(-1), state["v_column"].unsqueeze(-2))
        return Moments(m, Moment(stacked.view(parameter.shape), 32, decays[1], factored_form), factored=True)
    return Moments(m, _blockwise(state, "v", parameter, plan, plan.v, decays[1]))


def adafactor_moments(optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter) -> Moments:
    """Of PyTorch's Adafactor: 1 - beta_t = t**beta2_decay (Shazeer and Stern 2018, section 7.2), t of the step to come."""
    state, group = optimizer.state[parameter], _group_of(optimizer, parameter)
    decay = 1 - (float(state["step"]) + 1) ** group["beta2_decay"]
    if "variance" in state:
        return Moments(v=_exact(state["variance"], decay))
    return Moments(v=Moment(_outer(state["row_var"], state["col_var"]), 32, decay, factored_form), factored=True)


def factored_form(v: Tensor) -> Tensor:
    """R C^T / mean(R) of a second moment [..., rows, width] >= 0, R and C its row and column means (Shazeer and Stern 2018, section 3)."""
    return _outer(v.mean(dim=-1, keepdim=True), v.mean(dim=-2, keepdim=True))


def _outer(row: Tensor, column: Tensor) -> Tensor:
    """Row [..., rows, 1] and column [..., 1, width] means; a row of zeros has a mean of zero, and stays zero."""
    return row * column / row.mean(dim=-2, keepdim=True).clamp(min=1e-38)


def _exact(value: Tensor | None, decay: float) -> Moment | None:
    return None if value is None else Moment(value.float(), 32, decay)


def _bitsandbytes(state: dict[str, Any], number: int, decay: float) -> Moment:
    stored = state[f"state{number}"]
    if f"qmap{number}" not in state:
        return Moment(stored.float(), 32, decay)
    from bitsandbytes.functional import dequantize_blockwise, quantize_blockwise

    from trainable.optim.bitsandbytes_states import BLOCK_SIZE

    code = state[f"qmap{number}"]

    def kept(value: Tensor) -> Tensor:
        codes, scales = quantize_blockwise(value.contiguous(), code=code, blocksize=BLOCK_SIZE)
        read: Tensor = dequantize_blockwise(codes, scales)
        return read

    value = dequantize_blockwise(stored, absmax=state[f"absmax{number}"], code=code, blocksize=BLOCK_SIZE)
    return Moment(value, 8, decay, kept)


def _blockwise(state: dict[str, Any], key: str, parameter: Tensor, plan: Any, form: Any, decay: float) -> Moment:
    from trainable.optim.quantised.blockwise import dequantise, quantise

    if form is None:
        return Moment(state[key].view(parameter.shape), 32, decay)
    width = plan.stack[2]

    def kept(value: Tensor) -> Tensor:
        return dequantise(*quantise(value.reshape(plan.stack), form), width, form).view(value.shape)

    return Moment(dequantise(state[key], state[f"{key}_scale"], width, form).view(parameter.shape), form.bits, decay, kept)


def _group_of(optimizer: torch.optim.Optimizer, parameter: Tensor) -> dict[str, Any]:
    return next(group for group in optimizer.param_groups if any(member is parameter for member in group["params"]))
