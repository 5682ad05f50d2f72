"""The moments of a tensor in an optimizer's state dictionary: made, read and written, many equal tensors at once."""

from typing import Any

import torch
from torch import Tensor

from trainable.optim.moment_plan import BlockFormat, MomentPlan
from trainable.optim.quantised.blockwise import dequantise, quantise

State = dict[str, Any]
# Kept as they are when a state is loaded: codes are no numbers, and scales and factors stay float32 beside bfloat16 weights.
TENSOR_KEYS = frozenset({"m", "m_scale", "v", "v_scale", "v_row", "v_column"})


def new_state(plan: MomentPlan, device: torch.device) -> State:
    """Zero moments; those of an unquantised tensor are float32 of the plan's stack."""
    state: State = {"step": 0, "bits_m": plan.m.bits if plan.m else 32}
    _add_moment(state, "m", plan, plan.m, device)
    if plan.factored:
        matrices, rows, width = plan.stack
        state["v_row"] = torch.zeros(matrices, rows, device=device)
        state["v_column"] = torch.zeros(matrices, width, device=device)
    else:
        _add_moment(state, "v", plan, plan.v, device)
    return state


def read(states: list[State], key: str, rows: slice, width: int, form: BlockFormat | None) -> Tensor:
    """Moment `key` ("m" or "v") of equal tensors, float32 [tensors, matrices, rows, width]."""
    stored = together([state[key][:, rows] for state in states])
    if form is None:
        return stored.clone()
    return dequantise(stored, together([state[f"{key}_scale"][:, rows] for state in states]), width, form)


def together(tensors: list[Tensor]) -> Tensor:
    """Stacked; a single one without a copy."""
    return torch.stack(tensors) if len(tensors) > 1 else tensors[0].unsqueeze(0)


def write(states: list[State], key: str, rows: slice, values: Tensor, form: BlockFormat | None) -> None:
    """The inverse of `read`."""
    stored = values
    if form is not None:
        stored, scales = quantise(values, form)
        torch._foreach_copy_([state[f"{key}_scale"][:, rows] for state in states], list(scales.unbind()))
    torch._foreach_copy_([state[key][:, rows] for state in states], list(stored.unbind()))


def _add_moment(state: State, key: str, plan: MomentPlan, form: BlockFormat | None, device: torch.device) -> None:
    matrices, rows, width = plan.stack
    if form is None:
        state[key] = torch.zeros(matrices, rows, width, device=device)
        return
    # Scales of 0 make every code stand for 0, also in a map without zero.
    state[key] = torch.zeros(matrices, rows, form.code_bytes(width), dtype=torch.uint8, device=device)
    state[f"{key}_scale"] = torch.zeros(matrices, rows, form.blocks(width), device=device)
