"""bitsandbytes' 8-bit optimizers, whose states stay paged when they are loaded; a step waits for the device only where pages need it."""

from collections.abc import Callable
from typing import Any

import torch
from bitsandbytes import optim


class _OnDevice:
    """bitsandbytes loads states into the device's own memory, also where new ones would be paged, and waits after every parameter."""

    def load_state_dict(self, state_dict: dict[str, Any], move_to_device: bool = True) -> None:
        super().load_state_dict(state_dict, move_to_device)  # type: ignore[misc]
        if not self.is_paged:  # type: ignore[attr-defined]
            return
        for parameter, state in self.state.items():  # type: ignore[attr-defined]
            for key in {"state1", "state2"} & state.keys():
                buffer: torch.Tensor = self.get_state_buffer(parameter, dtype=state[key].dtype)  # type: ignore[attr-defined]
                state[key] = buffer.copy_(state[key])

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """As bitsandbytes', without waiting: its kernels run on CUDA's default stream, as all of a training step does."""
        if self.is_paged:  # type: ignore[attr-defined]
            return super().step(closure)  # type: ignore[misc]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group_number, group in enumerate(self.param_groups):  # type: ignore[attr-defined]
            for number, parameter in enumerate(group["params"]):
                if parameter.grad is None:
                    continue
                if not self.state[parameter]:  # type: ignore[attr-defined]
                    self.init_state(group, parameter, group_number, number)  # type: ignore[attr-defined]
                self.update_step(group, parameter, group_number, number)  # type: ignore[attr-defined]
        return loss


class AdamW8bit(_OnDevice, optim.AdamW8bit):  # type: ignore[misc]
    pass


class Lion8bit(_OnDevice, optim.Lion8bit):  # type: ignore[misc]
    pass
