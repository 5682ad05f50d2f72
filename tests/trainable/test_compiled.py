"""The compiled loss; how the compiler is kept out of memory's way is torch's matter, so that a backend that compiles nothing will do."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

from trainable import compiled
from trainable.compiled import MOST_SHAPES, compiled_loss
from trainable.model.registry import build_model
from trainable.spec.config import ModelConfig
from trainable.train_step import token_loss

pytestmark = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # torch's own, in its compiler


@pytest.fixture(autouse=True)
def graphs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[torch.fx.GraphModule]]:
    """The graphs that a backend was given; it runs them as they are."""
    given: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, _inputs: list[torch.Tensor]) -> Callable[..., Any]:
        given.append(graph)
        return graph.forward

    plain = torch.compile
    monkeypatch.setattr(torch, "compile", lambda function: plain(function, backend=backend))
    torch.compiler.reset()
    compiled._shapes.clear()
    yield given
    torch.compiler.reset()
    compiled._shapes.clear()


def model_of(width: int) -> nn.Module:
    torch.manual_seed(0)
    return build_model(ModelConfig(vocab_size=64, context_length=16, d_model=width, num_layers=1, num_heads=2, d_ff=32))


def batch(rows: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    tokens = torch.randint(0, 64, (rows, 17), generator=torch.Generator().manual_seed(1))
    return tokens[:, :-1], tokens[:, 1:]


@pytest.mark.parametrize("autocast", [None, torch.bfloat16])
def test_loss_and_gradients_are_those_of_the_plain_loss(graphs: list[Any], autocast: torch.dtype | None) -> None:
    found = []
    for loss_of in (token_loss, compiled_loss("one")):
        model = model_of(16)
        loss = loss_of(model, *batch(), autocast)
        loss.backward()  # type: ignore[no-untyped-call]
        found.append([loss.detach(), *(p.grad for p in model.parameters())])
    assert len(graphs) == 1  # the loss is a part of the model's graph
    for plain, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-6)


def test_a_further_model_of_one_shape_is_not_compiled_again(graphs: list[Any]) -> None:
    for _ in range(3):
        compiled_loss("one")(model_of(16), *batch(), None)
    assert len(graphs) == 1


def test_many_shapes_in_one_process_are_all_compiled(graphs: list[Any]) -> None:
    widths = [8 + 4 * i for i in range(3 * MOST_SHAPES)]
    for width in widths:
        compiled_loss(width)(model_of(width), *batch(), None)
    assert len(graphs) == len(widths)
