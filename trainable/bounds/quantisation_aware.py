"""Quantisation-aware fine-tuning: vector and codebook are trained together, with the quantised model in the forward pass.

As in Lotfi et al. 2022 ("PAC-Bayes Compression Bounds So Tight That They Can Explain Generalization", arXiv:2211.13609): the gradient
passes straight through to each entry, and a codebook entry gets the sum of its members' gradients.
"""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import nn

from trainable.adapters.coding import coded_vector, is_gate, set_coded_vector
from trainable.bounds.quantisation import SINGLE_BITS, Quantised, Vector, nearest

Losses = Callable[[int], Iterable[torch.Tensor]]
_MOMENTUM = 0.9


def fine_tuned(model: nn.Module, z: Vector, start: Quantised, losses: Losses, *, steps: int, lr: float) -> Quantised:
    """`start`, the quantised form of `z`, after `steps` steps of SGD on both; its codebook then stays in float32.

    `losses` gives the model's loss on the batch of a step, counted from 0, in parts whose sum it is. The model is left with a quantised
    vector in it.
    """
    entries = torch.tensor(z, dtype=torch.float32)
    codebook = torch.tensor(start.codebook, dtype=torch.float32)
    optimizer = torch.optim.SGD([entries, codebook], lr=lr, momentum=_MOMENTUM)
    for step in range(steps):
        symbols = torch.from_numpy(nearest(entries.double().numpy(), codebook.double().numpy()))
        put_vector(model, codebook[symbols].double().numpy())
        entries.grad = _gradient(model, losses(step))
        codebook.grad = torch.zeros_like(codebook).index_add_(0, symbols, entries.grad)
        optimizer.step()
    trained = codebook.double().numpy()
    return Quantised(nearest(entries.double().numpy(), trained), trained, SINGLE_BITS)


def _gradient(model: nn.Module, losses: Iterable[torch.Tensor]) -> torch.Tensor:
    """The gradient of the sum of `losses` by the coded vector, float32 [d] on the CPU."""
    coded = [parameter for name, parameter in model.named_parameters() if parameter.requires_grad and not is_gate(name)]
    total = torch.zeros(sum(parameter.numel() for parameter in coded))
    for loss in losses:
        found = torch.autograd.grad(loss, coded, allow_unused=True)
        parts = [torch.zeros_like(p) if g is None else g for p, g in zip(coded, found, strict=True)]
        total += torch.cat([part.flatten() for part in parts]).float().cpu()
    return total


def vector_of(model: nn.Module) -> Vector:
    """The model's coded vector, float64 [d] on the CPU."""
    return np.asarray(coded_vector(model).double().cpu().numpy())


def put_vector(model: nn.Module, vector: Vector) -> None:
    """Sets the coded vector, in the precision and on the device of the model's parameters."""
    here = coded_vector(model)
    set_coded_vector(model, torch.from_numpy(vector).to(here.device, here.dtype))
