"""Quantisation-aware fine-tuning against its definition, on a loss whose gradient is known."""

import numpy as np
import pytest
import torch
from torch import nn

from trainable.adapters.coding import coded_vector
from trainable.bounds.quantisation import nearest, uniform_bins
from trainable.bounds.quantisation_aware import fine_tuned

TARGET = torch.tensor([1.0, -2.0, 0.5, 3.0, -0.2, 0.9])


class Numbers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.tensor([0.9, -1.5, 0.4, 2.0]))
        self.frozen = nn.Parameter(torch.ones(2), requires_grad=False)
        self.gate = nn.Parameter(torch.tensor(0.3))
        self.second = nn.Parameter(torch.tensor([-0.1, 1.2]))

    def loss(self) -> torch.Tensor:
        return 0.5 * ((torch.cat([self.first, self.second]) - TARGET) ** 2).sum() + self.gate * 0


def test_two_steps_are_those_of_the_definition() -> None:
    model = Numbers()
    z = coded_vector(model).double().numpy()
    start = uniform_bins(z, 3)
    found = fine_tuned(model, z, start, lambda _: [model.loss() / 4, model.loss() * 3 / 4], steps=2, lr=0.1)
    entries, codebook = z.copy(), start.codebook.copy()
    momentum = [np.zeros_like(entries), np.zeros_like(codebook)]
    for _ in range(2):
        symbols = nearest(entries, codebook)
        gradient = codebook[symbols] - TARGET.double().numpy()
        pulls = [gradient, np.array([gradient[symbols == level].sum() for level in range(3)])]
        momentum = [0.9 * old + pull for old, pull in zip(momentum, pulls, strict=True)]
        entries, codebook = entries - 0.1 * momentum[0], codebook - 0.1 * momentum[1]
    assert found.codebook == pytest.approx(codebook, rel=1e-5)
    assert found.symbols.tolist() == nearest(entries, codebook).tolist()
    assert found.entry_bits == 32
    assert model.gate.item() == pytest.approx(0.3)


def test_fine_tuning_brings_the_quantised_loss_down() -> None:
    model = Numbers()
    z = coded_vector(model).double().numpy()
    start = uniform_bins(z, 3)
    found = fine_tuned(model, z, start, lambda _: [model.loss()], steps=60, lr=0.02)
    target = TARGET.double().numpy()
    assert ((found.values - target) ** 2).sum() < ((start.values - target) ** 2).sum()
