"""A linear layer that has large float32 products on an x86 CPU made by oneDNN.

torch gives them to MKL, which on processors of other makers than Intel keeps to kernels of half the width: on an AMD EPYC with AVX-512
one core reaches 105 GFLOP/s with it, and 240 with oneDNN.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

# Products of fewer multiplications cost less than the way through Python to another kernel.
FEWEST_MULTIPLICATIONS = 2**21
# Elsewhere torch's plain product is not MKL's.
_AVAILABLE = torch.backends.mkldnn.is_available() and torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]


class Linear(nn.Linear):
    """`torch.nn.Linear`, with the same parameters; results differ by the order of sums."""

    def forward(self, x: Tensor) -> Tensor:
        if is_for_onednn(x, self.weight):
            return _Product.apply(x, self.weight, self.bias)  # type: ignore[no-any-return, no-untyped-call]
        return F.linear(x, self.weight, self.bias)


def is_for_onednn(x: Tensor, weight: Tensor) -> bool:
    """Whether oneDNN makes the product; by type and shape alone, so that a resumed run has the same one."""
    if not _AVAILABLE or x.device.type != "cpu" or x.dtype != torch.float32 or weight.dtype != torch.float32:
        return False
    if torch.is_autocast_enabled("cpu") or torch._C._are_functorch_transforms_active():
        return False
    return x.numel() * weight.shape[0] >= FEWEST_MULTIPLICATIONS


class _Product(torch.autograd.Function):
    """x [..., inputs] times the transposed weight [outputs, inputs], plus bias [outputs] or None; differentiable any number of times."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        # Its own tensor, as torch's: a view, which the kernel makes of more than two dimensions, could not be changed in place.
        rows = _product(x.flatten(0, -2), weight, bias)
        return torch.ops.aten._unsafe_view(rows, (*x.shape[:-1], weight.shape[0]))  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad
        product = _Product.apply if torch.is_grad_enabled() else _product
        rows = gradient.flatten(0, -2)
        return (
            product(gradient, weight.t(), None) if for_x else None,
            product(rows.t(), x.flatten(0, -2).t(), None) if for_weight else None,
            rows.sum(0) if for_bias else None,
        )


def products(x: Tensor, weight: Tensor) -> Tensor:
    """Of several lanes: x [lanes, rows, inputs] times the transposed weight [lanes, outputs, inputs], [lanes, rows, outputs]."""
    if is_for_onednn(x[0], weight[0]):
        return _Products.apply(x, weight)  # type: ignore[no-any-return, no-untyped-call]
    return torch.bmm(x, weight.transpose(1, 2))


class _Products(torch.autograd.Function):
    """One product after another: torch's batched product is MKL's."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _each(x, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        for_x, for_weight = ctx.needs_input_grad
        return (
            _each(gradient, weight.transpose(1, 2)) if for_x else None,
            _each(gradient.transpose(1, 2), x.transpose(1, 2)) if for_weight else None,
        )


def _each(x: Tensor, weight: Tensor) -> Tensor:
    out = x.new_empty(*x.shape[:-1], weight.shape[1])
    for rows, matrix, place in zip(x.unbind(), weight.unbind(), out.unbind(), strict=True):
        place.copy_(_product(rows, matrix, None))  # while it is in the cache
    return out


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if torch.compiler.is_compiling():
        return _opaque_product(x, weight, bias)  # type: ignore[no-any-return]
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")  # type: ignore[no-any-return]


@torch.library.custom_op("transformer_sweeps::product", mutates_args=())
def _opaque_product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """What the compiler calls as it is: its own form of this product takes constant weights only."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")  # type: ignore[no-any-return]


@_opaque_product.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    del bias
    return x.new_empty((*x.shape[:-1], weight.shape[0]))
