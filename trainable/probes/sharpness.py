"""Sharpness: the largest rise of the loss in a ball around the weights, max over ||e|| <= rho of L(w + e) - L(w).

(Foret et al. 2021, "Sharpness-Aware Minimization", eq. 1, with their customary rho = 0.05.) The maximum is approached from below by
projected gradient ascent on the ball's surface; its first point is their eq. 2. On a fixed batch in float32 and without dropout.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.func import functional_call

from trainable.probes import probe
from trainable.train_step import token_loss

Loss = Callable[[Sequence[Tensor]], Tensor]
RADIUS = 0.05
STEPS = 5


class Probe(probe.Probe):
    def measure(self, view: probe.View) -> Mapping[str, float | None]:
        model, (x, y) = view.learner.model, view.fixed_batch()
        names = [name for name, p in model.named_parameters() if p.requires_grad]
        was_training = model.training
        model.eval()

        def loss_at(weights: Sequence[Tensor]) -> Tensor:
            moved = dict(zip(names, weights, strict=True))
            return token_loss(lambda tokens: functional_call(model, moved, (tokens,)), x, y, None)

        try:
            return {"theory/sharpness": largest_rise(loss_at, [p.detach() for p in view.parameters])}
        finally:
            model.train(was_training)


def largest_rise(loss_at: Loss, weights: Sequence[Tensor], *, radius: float = RADIUS, steps: int = STEPS) -> float:
    """The largest rise found in `steps` steps e <- radius * g / ||g||, g the gradient at w + e; at least 0, which e = 0 gives."""
    start, gradient = _loss_and_gradient(loss_at, weights)
    best = 0.0
    for _ in range(steps):
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradient))).item()
        if norm == 0:
            break
        moved = torch._foreach_add(list(weights), gradient, alpha=radius / norm)
        loss, gradient = _loss_and_gradient(loss_at, moved)
        best = max(best, loss - start)
    return best


def _loss_and_gradient(loss_at: Loss, weights: Sequence[Tensor]) -> tuple[float, list[Tensor]]:
    leaves = [weight.detach().requires_grad_() for weight in weights]
    loss = loss_at(leaves)
    return loss.item(), list(torch.autograd.grad(loss, leaves, materialize_grads=True))
