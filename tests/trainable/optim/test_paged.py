"""Paging exists on CUDA alone; here its rules, that loaded states are put back into pages, and steps that wait for nothing."""

import logging
from typing import Any

import pytest
import torch
from bitsandbytes import optim
from torch import Tensor, nn

from trainable.optim.build import build_optimizer
from trainable.optim.paged import AdamW8bit, Lion8bit
from trainable.spec.config import OptimizerConfig


@pytest.mark.parametrize("name", ["adam8bit", "lion8bit"])
def test_a_cpu_has_no_pages_and_says_so(name: str, caplog: pytest.LogCaptureFixture) -> None:
    optimizer: Any = build_optimizer(nn.Linear(64, 64), OptimizerConfig(name=name, paged=True))
    assert not optimizer.is_paged
    assert [record.getMessage() for record in caplog.records] == ["optimizer.paged has no effect on cpu: states stay in its memory"]


def test_nothing_is_said_when_it_was_not_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        build_optimizer(nn.Linear(64, 64), OptimizerConfig(name="adam8bit", paged=False))
    assert caplog.records == []


@pytest.mark.parametrize(("kind", "keys"), [(AdamW8bit, {"state1", "state2"}), (Lion8bit, {"state1"})])
def test_loaded_states_are_put_into_pages(kind: Any, keys: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    buffers: list[Tensor] = []

    def paged_buffer(self: Any, p: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        buffers.append(torch.zeros(p.shape, dtype=dtype))
        return buffers[-1]

    weight = nn.Parameter(torch.randn(64, 64))
    weight.grad = torch.randn(64, 64)
    saved = kind([weight])
    saved.step()
    monkeypatch.setattr(kind, "get_state_buffer", paged_buffer)
    loaded = kind([weight], is_paged=True)
    loaded.load_state_dict(saved.state_dict())
    assert {key for key, value in loaded.state[weight].items() if any(value is buffer for buffer in buffers)} == keys
    for key in keys:
        assert torch.equal(loaded.state[weight][key], saved.state[weight][key])


@pytest.mark.parametrize(("kind", "plain"), [(AdamW8bit, optim.AdamW8bit), (Lion8bit, optim.Lion8bit)])
def test_a_step_is_that_of_bitsandbytes_without_its_waits(kind: Any, plain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []
    monkeypatch.setattr("bitsandbytes.optim.optimizer.sync_gpu", lambda p: waited.append(p.device.type))
    found = []
    for optimizer_kind in (plain, kind):
        weights = [nn.Parameter(torch.randn(shape, generator=torch.Generator().manual_seed(1))) for shape in ((64, 65), (7,), (3,))]
        optimizer = optimizer_kind([{"params": weights[:1], "weight_decay": 0.1}, {"params": weights[1:]}], lr=1e-2)
        waited.clear()
        for step in range(3):
            for weight in weights[:2]:  # the third has no gradient
                weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(step))
            optimizer.step()
        found.append([*weights, *(optimizer.state[weights[0]][key] for key in ("state1", "absmax1"))])
        assert len(waited) == (6 if optimizer_kind is plain else 0)
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="pages are CUDA's")
def test_paged_states_give_the_same_weights() -> None:
    found = []
    for paged in (False, True):
        torch.manual_seed(0)
        model = nn.Linear(512, 512).cuda()
        optimizer = build_optimizer(model, OptimizerConfig(name="adam8bit", paged=paged))
        for _ in range(3):
            model(torch.ones(2, 512, device="cuda")).square().sum().backward()
            optimizer.step()
            restarted = build_optimizer(model, OptimizerConfig(name="adam8bit", paged=paged))
            restarted.load_state_dict(optimizer.state_dict())
            optimizer = restarted
        found.append(model.weight.detach().clone())
        assert getattr(optimizer.state[model.weight]["state1"], "is_paged", False) == paged
    assert torch.equal(found[0], found[1])
