"""What every projector must hold, and what the orthonormal one promises."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from trainable.adapters.subspace import dense
from trainable.adapters.subspace.fastfood import hadamard
from trainable.adapters.subspace.kronecker import split
from trainable.adapters.subspace.projector import Projector, Size
from trainable.adapters.subspace.registry import PROJECTORS

SIZE = Size(coordinates=100, weights=5000, seed=137)


def columns(projector: Projector, size: Size) -> Tensor:
    """P [D, d], by projecting the unit vectors."""
    held = projector.tensors(size)
    return torch.stack([projector.project(held, unit, size) for unit in torch.eye(size.coordinates)], dim=1)


@pytest.fixture(scope="module", params=PROJECTORS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def matrix(name: str) -> Tensor:
    return columns(PROJECTORS[name], SIZE)


def test_it_is_linear_and_z_0_gives_exactly_0(name: str, matrix: Tensor) -> None:
    """Sums of 100 terms of order 0.1 in float32."""
    projector, z = PROJECTORS[name], torch.randn(SIZE.coordinates)
    held = projector.tensors(SIZE)
    torch.testing.assert_close(projector.project(held, z, SIZE), matrix @ z, rtol=1e-4, atol=1e-5)
    assert projector.project(held, torch.zeros(SIZE.coordinates), SIZE).eq(0).all()


def test_its_gradient_is_the_transpose(name: str, matrix: Tensor) -> None:
    """Sums of 5,000 terms of order 0.01 in float32."""
    z, upstream = torch.randn(SIZE.coordinates, requires_grad=True), torch.randn(SIZE.weights)
    projector = PROJECTORS[name]
    projector.project(projector.tensors(SIZE), z, SIZE).backward(upstream)
    torch.testing.assert_close(z.grad, matrix.T @ upstream, rtol=1e-4, atol=1e-4)


def test_it_keeps_lengths_on_average(matrix: Tensor) -> None:
    """Mean of |P z| / |z| over 200 draws; the widest spread measured is 0.06 (rkron), and P itself is one draw: 0.04 (rdkron)."""
    z = torch.randn(SIZE.coordinates, 200)
    lengths = (matrix @ z).norm(dim=0) / z.norm(dim=0)
    assert lengths.mean().item() == pytest.approx(1.0, abs=0.1)


def test_every_weight_is_moved(name: str, matrix: Tensor) -> None:
    """A very sparse row is empty with probability (1 - 1/sqrt(5000))^100 = 0.24."""
    empty = (matrix == 0).all(dim=1).float().mean().item()
    assert empty == (pytest.approx(0.24, abs=0.03) if name == "sparse" else 0.0)


def test_the_seed_decides_and_the_global_generator_is_left_alone(name: str, matrix: Tensor) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    again = columns(PROJECTORS[name], SIZE)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(again, matrix)
    assert not torch.equal(columns(PROJECTORS[name], Size(SIZE.coordinates, SIZE.weights, seed=138)), matrix)


@pytest.mark.parametrize(("coordinates", "weights"), [(1, 1), (1, 7), (2, 2), (4, 9), (9, 9), (39, 40), (100, 100), (1000, 1052)])
def test_rdkronqr_is_orthonormal_whatever_the_remainders(coordinates: int, weights: int) -> None:
    matrix = columns(PROJECTORS["rdkronqr"], Size(coordinates, weights, seed=0))
    torch.testing.assert_close(matrix.T @ matrix, torch.eye(coordinates), rtol=0, atol=1e-5)
    assert (matrix != 0).any(dim=1).all()


@pytest.mark.parametrize("coordinates", [1000, 2000])
def test_rdkronqr_keeps_lengths_at_the_size_of_the_study(coordinates: int) -> None:
    """D = 351,744 of GPT-2 small; sums of 351,744 squares in float32."""
    size, projector = Size(coordinates, 351_744, seed=137), PROJECTORS["rdkronqr"]
    held = projector.tensors(size)
    z, w = torch.randn(2, coordinates)
    moved, other = projector.project(held, z, size), projector.project(held, w, size)
    assert (moved.norm() / z.norm()).item() == pytest.approx(1.0, abs=1e-5)
    assert (moved @ other / (z.norm() * w.norm())).item() == pytest.approx((z @ w / (z.norm() * w.norm())).item(), abs=1e-5)


@given(weights=st.integers(1, 500_000), share=st.floats(0, 1))
@settings(max_examples=200)
def test_the_rest_has_no_more_coordinates_than_weights(weights: int, share: float) -> None:
    coordinates = max(1, round(share * weights))
    n, k = split(Size(coordinates, weights, seed=0))
    assert 0 <= k <= n
    assert weights - n * n >= coordinates - k * k >= 1


def test_a_dense_projection_is_the_same_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows at a time: each chunk has a seed of its own, so the rows are others, and the gradient is still the transpose."""
    monkeypatch.setattr(dense, "_CHUNK_ENTRIES", 3 * SIZE.coordinates)
    size = Size(SIZE.coordinates, 10, seed=137)
    matrix = columns(PROJECTORS["dense"], size)
    assert matrix.shape == (10, SIZE.coordinates)
    assert len(matrix.unique(dim=0)) == 10
    z, upstream = torch.randn(SIZE.coordinates, requires_grad=True), torch.randn(10)
    PROJECTORS["dense"].project({}, z, size).backward(upstream)
    torch.testing.assert_close(z.grad, matrix.T @ upstream, rtol=1e-4, atol=1e-5)


def test_hadamard_is_the_matrix_that_doubles() -> None:
    order2 = torch.tensor([[1.0, 1.0], [1.0, -1.0]])
    assert torch.equal(hadamard(torch.eye(8)), torch.kron(order2, torch.kron(order2, order2)))
