"""The factored second moment (Shazeer and Stern 2018, section 3): row and column means in place of a matrix."""

from collections.abc import Iterable

import torch
from torch import Tensor

from trainable.optim.quantised.moments import State

# Where all gradients so far were zero, the mean is zero too: nothing is divided by it.
_SMALLEST_MEAN = torch.finfo(torch.float32).tiny


class Factors:
    """R [tensors, matrices, rows] and C [tensors, matrices, width] of equal tensors, with v = R C^T / mean(R).

    The means of v's rows and columns are R and C, so that adding to the means is the same as adding to the rebuilt matrix and
    factoring anew.
    """

    def __init__(self, states: list[State]) -> None:
        self.states = states
        self.row = torch.stack([state["v_row"] for state in states])
        self.column = torch.stack([state["v_column"] for state in states])

    def advance(self, squares: Iterable[tuple[slice, Tensor]], beta2: float) -> "Factors":
        """R <- beta2 R + (1 - beta2) mean_j g^2, C <- beta2 C + (1 - beta2) mean_i g^2, and keeps both.

        `squares` gives g^2 [tensors, matrices, some rows, width] for one slice of the rows after the other.
        """
        row, column = torch.empty_like(self.row), torch.zeros_like(self.column)
        for rows, square in squares:
            torch.mean(square, dim=-1, out=row[..., rows])
            column += square.sum(dim=-2)
        self.row.lerp_(row, 1 - beta2)
        self.column.lerp_(column.div_(row.shape[-1]), 1 - beta2)
        torch._foreach_copy_([state["v_row"] for state in self.states], list(self.row.unbind()))
        torch._foreach_copy_([state["v_column"] for state in self.states], list(self.column.unbind()))
        return self

    def root_plus(self, rows: slice, eps: float, *, divisor: float) -> Tensor:
        """sqrt(v) / divisor + eps, [tensors, matrices, some rows, width]: the root of a product is the product of the factors' roots."""
        share = self.row / self.row.mean(dim=-1, keepdim=True).clamp_(min=_SMALLEST_MEAN)
        left = share[..., rows].sqrt().div_(divisor)
        return (left.unsqueeze(-1) * self.column.sqrt().unsqueeze(-2)).add_(eps)
