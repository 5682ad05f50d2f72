"""PyTorch's Muon and AdamW behind one optimizer."""

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import AdamW, Muon, Optimizer

from trainable.optim.adamw import FUSED_DEVICES
from trainable.optim.entry import ParameterGroup


class MuonWithAdamW(Optimizer):
    """Muon moves the parameters of `hidden`, all matrices; AdamW those of `others`. State and groups are those of this one object.

    A group says under ``algorithm`` who moves it. Groups are lists of pairs of name and parameter, as everywhere here.
    """

    def __init__(
        self,
        hidden: list[ParameterGroup],
        others: list[ParameterGroup],
        *,
        lr: float,
        muon_settings: dict[str, Any],
        adamw_settings: dict[str, Any],
    ) -> None:
        self._parts: dict[str, Optimizer] = {}
        if hidden:
            self._parts["muon"] = Muon(hidden, lr=lr, adjust_lr_fn="match_rms_adamw", **muon_settings)
        if others:
            fused = others[0]["params"][0][1].device.type in FUSED_DEVICES or None
            self._parts["adamw"] = AdamW(others, lr=lr, fused=fused, **adamw_settings)
        groups = [{**group, "algorithm": name} for name, part in self._parts.items() for group in part.param_groups]
        super().__init__(groups, {})

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update of both parts."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for name, part in self._parts.items():
            # Loading a state replaces both, so that they are handed on at each step.
            part.state = self.state
            part.param_groups = [group for group in self.param_groups if group["algorithm"] == name]
            part.step()
        return loss
