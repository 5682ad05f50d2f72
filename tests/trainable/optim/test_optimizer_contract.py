"""What every entry of OPTIMIZERS owes; an optimizer that joins the registry comes under these tests by its presets."""

import io
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn
from torch.optim import Optimizer

from trainable.optim.build import build_optimizer
from trainable.optim.checks import ALWAYS
from trainable.optim.entry import OptimizerEntry
from trainable.optim.registry import OPTIMIZERS
from trainable.optim.state_memory import measured_state_bytes
from trainable.spec import config as spec
from trainable.spec.config import OptimizerConfig
from trainable.spec.mistakes import WrongRequest

PRESETS = Path(spec.__file__).parent / "presets" / "optimizer"
EVERY = sorted(path.stem for path in PRESETS.glob("*.yaml"))


def preset(choice: str, **changes: Any) -> OptimizerConfig:
    return OptimizerConfig(**{**preset_values(choice), **changes})


def preset_values(choice: str) -> dict[str, Any]:
    values = OmegaConf.to_container(OmegaConf.load(PRESETS / f"{choice}.yaml"))
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items() if key != "defaults"}


def entry(choice: str) -> OptimizerEntry:
    return OPTIMIZERS[preset(choice).name]


class Net(nn.Module):
    """Shapes on both sides of every limit: 4160 and 4096 entries, 4095, a vector, a scalar and a stack of matrices."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.wide = nn.Linear(65, 64)
        self.edge = nn.Linear(64, 64, bias=False)
        self.below = nn.Linear(64, 63)
        self.stack = nn.Parameter(torch.randn(3, 63, 5) / 8)
        self.gain = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.below(torch.tanh(self.edge(torch.tanh(self.wide(x)))))
        return self.gain * torch.einsum("bi,kij->bkj", hidden, self.stack)


def batch(step: int) -> tuple[Tensor, Tensor]:
    x = torch.randn(16, 65, generator=torch.Generator().manual_seed(step))
    return x, torch.stack([x[:, i : i + 5] for i in range(3)], dim=1)


def train(net: nn.Module, optimizer: Optimizer, steps: range) -> list[float]:
    losses = []
    for step in steps:
        x, target = batch(step)
        loss = (net(x) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_every_optimizer_has_a_preset() -> None:
    assert {preset(choice).name for choice in EVERY} == set(OPTIMIZERS)


@pytest.mark.parametrize("choice", EVERY)
def test_the_preset_names_exactly_the_settings_of_the_optimizer(choice: str) -> None:
    assert set(preset_values(choice)) - ALWAYS == entry(choice).settings


@pytest.mark.parametrize("choice", EVERY)
def test_lowers_a_quadratic(choice: str) -> None:
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(64, 64))
    scales = torch.logspace(-1, 0, 64)
    bowl = nn.Module()
    bowl.weight = weight
    optimizer = build_optimizer(bowl, preset(choice, lr=0.1))
    losses = []
    for _ in range(100):
        loss = (scales * weight.square()).sum() / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.parametrize("choice", EVERY)
def test_trains_a_net(choice: str) -> None:
    net = Net()
    losses = train(net, build_optimizer(net, preset(choice)), range(150))
    assert sum(losses[-10:]) < 0.6 * sum(losses[:10])


@pytest.mark.parametrize("choice", EVERY)
def test_resumes_bit_for_bit_after_a_plain_save_and_load(choice: str) -> None:
    net = Net()
    optimizer = build_optimizer(net, preset(choice))
    train(net, optimizer, range(6))
    file = io.BytesIO()
    torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict()}, file)
    uninterrupted = train(net, optimizer, range(6, 12))

    file.seek(0)
    saved = torch.load(file, weights_only=True)
    resumed_net = Net()
    resumed = build_optimizer(resumed_net, preset(choice))
    resumed_net.load_state_dict(saved["net"])
    resumed.load_state_dict(saved["optimizer"])
    assert train(resumed_net, resumed, range(6, 12)) == uninterrupted
    for (key, value), again in zip(net.state_dict().items(), resumed_net.state_dict().values(), strict=True):
        assert torch.equal(value, again), key
    assert measured_state_bytes(resumed) == measured_state_bytes(optimizer)


@pytest.mark.parametrize("choice", EVERY)
def test_state_takes_the_declared_bytes_to_the_byte(choice: str) -> None:
    net = Net()
    optimizer = build_optimizer(net, preset(choice))
    assert measured_state_bytes(optimizer) == 0
    train(net, optimizer, range(2))
    shapes = {key: tuple(p.shape) for key, p in net.named_parameters()}
    assert measured_state_bytes(optimizer) == entry(choice).state_bytes(shapes, preset(choice))


@pytest.mark.parametrize("choice", EVERY)
def test_decay_is_decoupled_and_spares_vectors(choice: str) -> None:
    decayed, plain = Net(), Net()
    before = {key: p.detach().clone() for key, p in plain.named_parameters()}
    train(decayed, build_optimizer(decayed, preset(choice, lr=0.01, weight_decay=0.5)), range(1))
    train(plain, build_optimizer(plain, preset(choice, lr=0.01, weight_decay=0.0)), range(1))
    without = dict(plain.named_parameters())
    for key, parameter in decayed.named_parameters():
        # The first step: theta (1 - lr * decay) - update, against theta - update; a few roundings of values up to 2.
        expected = 0.01 * 0.5 * before[key] if before[key].dim() >= 2 else torch.zeros_like(before[key])
        torch.testing.assert_close(without[key] - parameter, expected, rtol=0, atol=1e-6, msg=key)


@pytest.mark.parametrize("choice", EVERY)
def test_a_new_learning_rate_holds_from_the_next_step_on(choice: str) -> None:
    net = Net()
    optimizer = build_optimizer(net, preset(choice))
    train(net, optimizer, range(2))
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    before = [p.detach().clone() for p in net.parameters()]
    train(net, optimizer, range(2, 3))
    assert all(torch.equal(old, new) for old, new in zip(before, net.parameters(), strict=True))


@pytest.mark.parametrize("choice", EVERY)
@pytest.mark.parametrize(
    ("field", "value"),
    [("lr", 0.0), ("lr", -1e-3), ("lr", math.nan), ("lr", math.inf), ("weight_decay", -0.1), ("weight_decay", math.nan)],
)
def test_refuses_bad_values(choice: str, field: str, value: float) -> None:
    with pytest.raises(WrongRequest) as refused:
        build_optimizer(Net(), preset(choice, **{field: value}))
    (mistake,) = refused.value.mistakes
    assert mistake.startswith(f"optimizer.{field}={value} must be")


BAD_SETTINGS: dict[str, list[Any]] = {
    "betas": [[0.9, 1.0], [-0.1, 0.9], [0.9], [0.9, math.nan]],
    "eps": [0.0, -1e-8, math.nan],
    "momentum": [1.0, -0.1, math.nan],
    "beta2_decay": [0.5, math.nan],
    "clip_threshold": [0.5, math.inf],
    "bits_m": [6, 0],
    "precision": ["adaptiv"],
    "error_threshold": [0.0, math.nan],
}


@pytest.mark.parametrize("choice", EVERY)
def test_refuses_bad_settings_and_those_of_other_optimizers(choice: str) -> None:
    assert entry(choice).settings <= {*BAD_SETTINGS, "paged"}
    for field, values in BAD_SETTINGS.items():
        for value in values:
            with pytest.raises(WrongRequest) as refused:
                build_optimizer(Net(), preset(choice, **{field: value}))
            stranger = any(f"has no meaning for {preset(choice).name}" in mistake for mistake in refused.value.mistakes)
            assert stranger == (field not in entry(choice).settings)
            assert any(f"optimizer.{field}={value} must" in mistake for mistake in refused.value.mistakes)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_settings_that_are_not_given_are_left_to_the_library(name: str) -> None:
    net = Net()
    losses = train(net, build_optimizer(net, OptimizerConfig(name=name, lr=1e-2, weight_decay=0.0)), range(30))
    assert losses[-1] < losses[0]
