"""Adaptive precision: a tensor whose first moment 4 bits hold too badly is given 8."""

import torch
from torch import Tensor

from trainable.optim.moment_plan import DYNAMIC_4BIT, DYNAMIC_8BIT, MomentPlan
from trainable.optim.quantised.moments import State, new_state, read, write

# Steps between two looks at the error: reading back what was stored costs about a tenth of a step.
ASK_EVERY = 100


def is_asked(step: int, bits: int, threshold: float | None) -> bool:
    """Whether the error of storage is measured at `step`: a function of the step, so that a resumed run asks at the same ones."""
    return threshold is not None and bits == DYNAMIC_4BIT.bits and step % ASK_EVERY == 0


class StorageError:
    """||m - stored(m)|| / ||m|| of each of some equal tensors, summed over their rows."""

    def __init__(self, threshold: float | None) -> None:
        self.threshold = threshold
        self._error: list[Tensor] = []
        self._whole: list[Tensor] = []

    def add(self, m: Tensor, stored: Tensor) -> None:
        """Some rows [tensors, matrices, some rows, width]; `stored` is spent."""
        self._error.append(stored.sub_(m).square_().flatten(1).sum(1))
        self._whole.append(m.square().flatten(1).sum(1))

    def above_threshold(self, states: list[State]) -> list[State]:
        error, whole = torch.stack(self._error).sum(0), torch.stack(self._whole).sum(0)
        above = error > (self.threshold or 0.0) ** 2 * whole
        return [state for state, is_above in zip(states, above.tolist(), strict=True) if is_above]


def raise_precision(state: State, plan: MomentPlan) -> None:
    """Stores the 4-bit first moment of one tensor in 8 bits."""
    every_row, width = slice(None), plan.stack[2]
    m = read([state], "m", every_row, width, DYNAMIC_4BIT)
    raised = new_state(MomentPlan(plan.stack, DYNAMIC_8BIT, factored=True), m.device)
    state.update({key: raised[key] for key in ("m", "m_scale", "bits_m")})
    write([state], "m", every_row, m, DYNAMIC_8BIT)
