"""Quantisation-aware fine-tuning: vector and codebook are trained together, with the quantised model in the forward pass.

As in Lotfi et al. 2022 ("PAC-Bayes Compression Bounds So Tight That They Can Explain Generalization", arXiv:2211.13609): the gradient
passes straight through to each entry, and a codebook entry gets the sum of its members' gradients.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from trainable.adapters.coding import coded_vector, is_gate, set_coded_vector
from trainable.bounds.quantisation import SINGLE_BITS, Quantised, Vector, nearest

Loss = Callable[[int], torch.Tensor]
_MOMENTUM = 0.9


def fine_tuned(model: nn.Module, z: Vector, start: Quantised, loss: Loss, *, steps: int, lr: float) -> Quantised:
    """`start`, the quantised form of `z`, after `steps` steps of SGD on both; its codebook then stays in float32.

    `loss` gives the model's loss on the batch of a step, counted from 0. The model is left with the last quantised vector in it.
    """
    entries = torch.tensor(z, dtype=torch.float32)
    codebook = torch.tensor(start.codebook, dtype=torch.float32)
    optimizer = torch.optim.SGD([entries, codebook], lr=lr, momentum=_MOMENTUM)
    for step in range(steps):
        symbols = torch.from_numpy(nearest(entries.double().numpy(), codebook.double().numpy()))
        gradient = _gradient(model, codebook[symbols], lambda step=step: loss(step))  # type: ignore[misc]
        entries.grad = gradient
        codebook.grad = torch.zeros_like(codebook).index_add_(0, symbols, gradient)
        optimizer.step()
    trained = codebook.double().numpy()
    return Quantised(nearest(entries.double().numpy(), trained), trained, SINGLE_BITS)


def _gradient(model: nn.Module, vector: torch.Tensor, loss: Callable[[], torch.Tensor]) -> torch.Tensor:
    """The loss's gradient at a coded vector, float32 [d] on the CPU."""
    coded = [parameter for name, parameter in model.named_parameters() if parameter.requires_grad and not is_gate(name)]
    set_coded_vector(model, vector.to(coded[0].device))
    gradients = torch.autograd.grad(loss(), coded, allow_unused=True)
    flat = [torch.zeros_like(p) if g is None else g for p, g in zip(coded, gradients, strict=True)]
    return torch.cat([part.detach().flatten() for part in flat]).float().cpu()


def vector_of(model: nn.Module) -> Vector:
    """The model's coded vector, float64 [d] on the CPU."""
    return np.asarray(coded_vector(model).double().cpu().numpy())


def put_vector(model: nn.Module, vector: Vector) -> None:
    """Sets the coded vector, in the precision and on the device of the model's parameters."""
    here = coded_vector(model)
    set_coded_vector(model, torch.from_numpy(vector).to(here.device, here.dtype))
