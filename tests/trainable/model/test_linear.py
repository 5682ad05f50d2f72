import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainable.model import linear
from trainable.model.linear import FEWEST_MULTIPLICATIONS, Linear, is_for_onednn, products

# Sums of up to 512 float32 products of standard normals in another order: some 512 roundings of 2^-24 times sqrt(512).
TOLERANCE = {"rtol": 0.0, "atol": 512 * 2**-24 * 512**0.5 * 2}

pytestmark = pytest.mark.skipif(not linear._AVAILABLE, reason="torch's plain product is not MKL's here")


@pytest.fixture(params=[True, False], ids=["bias", "no bias"])
def layer(request: pytest.FixtureRequest) -> Linear:
    torch.manual_seed(0)
    return Linear(128, 96, bias=request.param)


def twin(layer: Linear) -> nn.Linear:
    other = nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None)
    other.load_state_dict(layer.state_dict())
    return other


def results(module: nn.Module, x: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    out = module(x)
    (out * torch.cos(torch.arange(out.numel()).view_as(out))).sum().backward()
    assert x.grad is not None
    return [out, x.grad, *(p.grad for p in module.parameters() if p.grad is not None)]


@pytest.mark.parametrize("shape", [(512, 128), (8, 64, 128), (2, 4, 64, 128)])
def test_values_and_gradients_are_those_of_torch(layer: Linear, shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    assert is_for_onednn(x, layer.weight)
    for ours, theirs in zip(results(layer, x), results(twin(layer), x), strict=True):
        torch.testing.assert_close(ours, theirs, **TOLERANCE)


def test_an_input_that_does_not_lie_in_order(layer: Linear) -> None:
    x = torch.randn(64, 128, 8).permute(2, 0, 1)
    torch.testing.assert_close(layer(x), twin(layer)(x), **TOLERANCE)


def test_the_result_may_be_changed_in_place(layer: Linear) -> None:
    x = torch.randn(8, 64, 128)
    torch.testing.assert_close(layer(x).relu_(), twin(layer)(x).relu_(), **TOLERANCE)


def test_gradients_of_gradients(layer: Linear) -> None:
    def curvature(module: nn.Module) -> list[Tensor]:
        parameters = list(module.parameters())
        x = torch.linspace(-1, 1, 512 * 128).view(512, 128)
        first = torch.autograd.grad(module(x).square().mean(), parameters, create_graph=True)
        return list(torch.autograd.grad(torch.stack([(g * g).sum() for g in first]).sum(), parameters))

    for ours, theirs in zip(curvature(layer), curvature(twin(layer)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_the_same_bits_every_time(layer: Linear) -> None:
    x = torch.randn(8, 64, 128)
    assert all(torch.equal(a, b) for a, b in zip(results(layer, x), results(layer, x.clone()), strict=True) if a.shape == layer(x).shape)


@pytest.mark.parametrize("width", [1, 4])
def test_what_is_small_or_of_another_kind_is_torchs(width: int) -> None:
    layer = Linear(128, 96)
    small = torch.randn(width, FEWEST_MULTIPLICATIONS // (128 * 96 * width) - 1, 128)
    assert not is_for_onednn(small, layer.weight)
    assert torch.equal(layer(small), F.linear(small, layer.weight, layer.bias))
    assert not is_for_onednn(torch.randn(512, 128, dtype=torch.float64), layer.weight.double())
    with torch.autocast("cpu", torch.bfloat16):
        assert not is_for_onednn(torch.randn(512, 128), layer.weight)
        assert layer(torch.randn(512, 128)).dtype == torch.bfloat16


def test_many_layers_at_once_by_vmap() -> None:
    layers = [Linear(128, 96) for _ in range(3)]
    stacked, _ = torch.func.stack_module_state(layers)
    x = torch.randn(3, 512, 128)
    out = torch.vmap(lambda weights, rows: torch.func.functional_call(layers[0], weights, (rows,)))(stacked, x)
    torch.testing.assert_close(out, torch.stack([layer(rows) for layer, rows in zip(layers, x, strict=True)]), **TOLERANCE)


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # torch's own, in its compiler
def test_the_compiler_takes_it_as_it_is() -> None:
    layer, x = Linear(128, 96), torch.randn(512, 128)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    for ours, theirs in zip(results(compiled, x), results(twin(layer), x), strict=True):  # type: ignore[arg-type]
        torch.testing.assert_close(ours, theirs, **TOLERANCE)


@pytest.mark.parametrize("rows", [8, 512], ids=["small", "large"])
def test_products_of_lanes_are_those_of_each(rows: int) -> None:
    torch.manual_seed(0)
    layers = [Linear(128, 96, bias=False) for _ in range(3)]
    x = torch.randn(3, rows, 128, requires_grad=True)
    weight = torch.stack([layer.weight.detach() for layer in layers]).requires_grad_()
    assert is_for_onednn(x[0], weight[0]) == (rows == 512)
    out = products(x, weight)
    out.square().sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert weight.grad is not None
    for layer, rows_of_it, result, x_grad, weight_grad in zip(layers, x.detach(), out, x.grad, weight.grad, strict=True):
        alone = rows_of_it.clone().requires_grad_()
        expected = layer(alone)
        expected.square().sum().backward()
        torch.testing.assert_close(result, expected, **TOLERANCE)
        torch.testing.assert_close(x_grad, alone.grad, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(weight_grad, layer.weight.grad, rtol=1e-4, atol=1e-3)
