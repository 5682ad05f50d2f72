"""Largest eigenvalue of the loss's Hessian, on a fixed batch in float32 and without dropout."""

from collections.abc import Callable, Mapping, Sequence

import torch
from scipy.linalg import eigh_tridiagonal
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from trainable.probes import probe
from trainable.train_step import token_loss

Product = Callable[[Sequence[Tensor]], list[Tensor]]
_SEED = 137
MOST_ITERATIONS = 40
TOLERANCE = 1e-3


class Probe(probe.Probe):
    def measure(self, view: probe.View) -> Mapping[str, float | None]:
        model, (x, y) = view.learner.model, view.fixed_batch()
        was_training = model.training
        model.eval()
        try:
            # Flash and memory-efficient attention have no second derivative.
            with sdpa_kernel(SDPBackend.MATH):
                product = hessian_vector_product(token_loss(model, x, y, None), view.parameters)
                return {"theory/hessian_max_eigenvalue": largest_eigenvalue(product, view.parameters)}
        finally:
            model.train(was_training)


def hessian_vector_product(loss: Tensor, parameters: Sequence[Tensor]) -> Product:
    """V -> H v, exact, by a second backward pass through the first (Pearlmutter 1994)."""
    gradient = torch.autograd.grad(loss, parameters, create_graph=True, materialize_grads=True)

    def product(vector: Sequence[Tensor]) -> list[Tensor]:
        return list(torch.autograd.grad(gradient, parameters, vector, retain_graph=True, materialize_grads=True))

    return product


def largest_eigenvalue(
    product: Product, like: Sequence[Tensor], *, iterations: int = MOST_ITERATIONS, tolerance: float = TOLERANCE
) -> float:
    """The algebraically largest eigenvalue of a symmetric operator, by Lanczos' iteration (Golub and Van Loan 2013, algorithm 10.1.1).

    Three vectors are held and none is orthogonalised again: rounding then only repeats Ritz values that have converged (Paige 1976),
    and the largest is not changed by a copy of it. Ends when the residual, |beta_k s_k| for the Ritz vector's last entry s_k, is below
    `tolerance` of the Ritz value. The start is a fixed random vector.
    """
    vector, before = _start(like), [torch.zeros_like(t) for t in like]
    alphas, betas, value = list[float](), list[float](), 0.0
    for _ in range(iterations):
        image = product(vector)
        alphas.append(_dot(image, vector))
        torch._foreach_sub_(image, torch._foreach_mul(vector, alphas[-1]))
        if betas:
            torch._foreach_sub_(image, torch._foreach_mul(before, betas[-1]))
        beta = _dot(image, image) ** 0.5
        value, last = _largest_ritz_pair(alphas, betas)
        if beta * abs(last) <= tolerance * abs(value):
            break
        betas.append(beta)
        before, vector = vector, list(torch._foreach_div(image, beta))
    return value


def _largest_ritz_pair(alphas: list[float], betas: list[float]) -> tuple[float, float]:
    """Largest eigenvalue of the tridiagonal matrix, and the last entry of its eigenvector."""
    top = (len(alphas) - 1, len(alphas) - 1)
    values, vectors = eigh_tridiagonal(alphas, betas, select="i", select_range=top)
    return float(values[0]), float(vectors[-1, 0])


def _start(like: Sequence[Tensor]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(_SEED)
    drawn = [torch.randn(t.shape, generator=generator, dtype=t.dtype).to(t.device) for t in like]
    norm = _dot(drawn, drawn) ** 0.5
    return [t / norm for t in drawn]


def _dot(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    return sum((a * b).sum(dtype=torch.float64).item() for a, b in zip(one, other, strict=True))
