"""How far stored moments drift: their distance from those of a shadow, Adam in float32 fed the same gradients from the first step on.

Costs 8 bytes a parameter and two passes over the gradients at every step. A run that takes over another's weights (population-based
training) keeps its own shadow.
"""

from collections.abc import Iterable, Mapping
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn

from trainable.learner import Learner
from trainable.optim.moments import Moment
from trainable.probes import probe


class Probe(probe.Probe):
    def __init__(self, learner: Learner) -> None:
        super().__init__(learner)
        self._names = {p: name for name, p in learner.model.named_parameters() if p.requires_grad}
        self._betas = {p: group["betas"] for group in learner.optimizer.param_groups if "betas" in group for p in group["params"]}
        self._shadow: dict[str, dict[nn.Parameter, Tensor]] = {"m": {}, "v": {}}
        learner.optimizer.register_step_pre_hook(self._before_step)

    def measure(self, view: probe.View) -> Mapping[str, float | None]:
        """None where the optimizer has no such moment, or moves it on by another rule than Adam's."""
        moments = view.moments()
        first = {p: found.m for p, found in moments.items() if found.m}
        second = {p: found.v for p, found in moments.items() if found.v}
        return {
            "quant/trajectory_error_m": self._distance("m", 0, first),
            "quant/trajectory_error_v": self._distance("v", 1, second),
        }

    def state(self) -> dict[str, Any]:
        return {key: {self._names[p]: value for p, value in kept.items()} for key, kept in self._shadow.items()}

    def load(self, state: dict[str, Any]) -> None:
        parameters = {name: p for p, name in self._names.items()}
        for key, kept in self._shadow.items():
            kept.update({parameters[name]: value.to(parameters[name].device) for name, value in state[key].items()})

    @torch.no_grad()
    def _before_step(self, *_: Any) -> None:
        """M <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g^2 (Kingma and Ba 2015, algorithm 1)."""
        for p, (beta1, beta2) in self._betas.items():
            if p.grad is not None:
                gradient = p.grad.float()
                self._of("m", p).lerp_(gradient, 1 - beta1)
                self._of("v", p).lerp_(gradient.square(), 1 - beta2)

    def _of(self, key: str, p: nn.Parameter) -> Tensor:
        if p not in self._shadow[key]:
            self._shadow[key][p] = torch.zeros_like(p, dtype=torch.float32)
        return self._shadow[key][p]

    def _distance(self, key: str, number: int, moments: Mapping[nn.Parameter, Moment]) -> float | None:
        alike = {p: moment for p, moment in moments.items() if p in self._shadow[key] and moment.decay == self._betas[p][number]}
        error = _squares(moment.value - self._shadow[key][p] for p, moment in alike.items())
        whole = _squares(self._shadow[key][p] for p in alike)
        return sqrt(error / whole) if whole > 0 else None


def _squares(tensors: Iterable[Tensor]) -> float:
    return sum(tensor.square().sum().item() for tensor in tensors)
