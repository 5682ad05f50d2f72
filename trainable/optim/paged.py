"""bitsandbytes' 8-bit optimizers, whose states stay paged when they are loaded."""

from typing import Any

import torch
from bitsandbytes import optim


class _KeepsPaging:
    """bitsandbytes loads states into the device's own memory, also where new ones would be paged."""

    def load_state_dict(self, state_dict: dict[str, Any], move_to_device: bool = True) -> None:
        super().load_state_dict(state_dict, move_to_device)  # type: ignore[misc]
        if not self.is_paged:  # type: ignore[attr-defined]
            return
        for parameter, state in self.state.items():  # type: ignore[attr-defined]
            for key in {"state1", "state2"} & state.keys():
                buffer: torch.Tensor = self.get_state_buffer(parameter, dtype=state[key].dtype)  # type: ignore[attr-defined]
                state[key] = buffer.copy_(state[key])


class AdamW8bit(_KeepsPaging, optim.AdamW8bit):  # type: ignore[misc]
    pass


class Lion8bit(_KeepsPaging, optim.Lion8bit):  # type: ignore[misc]
    pass
