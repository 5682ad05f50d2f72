"""Imports beside the start of Ray, in an interpreter of their own."""

import subprocess
import sys


def test_it_imports_what_tune_will_ask_for_and_nothing_of_ray() -> None:
    code = "import sys; from sweeps.runner.warm_up import warm_up; warm_up().join(); print(*({'wandb', 'ray', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["wandb"]
