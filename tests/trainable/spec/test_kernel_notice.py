"""What a library says of a kernel that is not used here stays off the terminal; everything else it says is heard."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
from torch import nn

from trainable.adapters.lora import attach
from trainable.spec.config import AdapterConfig


class Net(nn.Module):
    config = None

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)


attach(Net(), AdapterConfig(name="lora", rank=1, alpha=1.0, dropout=0.0, target_modules=["layer"]))
import logging

logging.getLogger("bitsandbytes.backends.cpu.ops").warning("Failed to load CPU gemm_4bit_forward")
logging.getLogger("bitsandbytes.backends.cpu.ops").warning("something real")
"""


def test_a_process_with_an_adapter_is_quiet() -> None:
    """The filter is gone afterwards, so that the last two lines are heard."""
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=root, timeout=120, check=True)
    assert done.stdout == ""
    assert done.stderr.splitlines() == ["Failed to load CPU gemm_4bit_forward", "something real"]
