import torch
from torch.optim import Optimizer


def measured_state_bytes(optimizer: Optimizer) -> int:
    """Bytes of the optimizer's state as it lies in memory: every storage once, step counters left out (as in `state_bytes`)."""
    tensors = (
        value for state in optimizer.state.values() for name, value in state.items() if isinstance(value, torch.Tensor) and name != "step"
    )
    return sum({tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}.values())
