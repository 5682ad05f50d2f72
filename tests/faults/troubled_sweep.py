"""The small sweep with workers that get into trouble on order, and a driver that soon notices one that went silent."""

from unittest.mock import patch

from sweeps.runner import vigil
from sweeps.runner.cli import main
from tests.faults.small_sweep import SWEEP
from tests.faults.troubled import Troubled
from trainable import ray_trainable

if __name__ == "__main__":
    with patch.object(ray_trainable, "TransformerTrainable", Troubled), patch.object(vigil, "MARGIN_SECONDS", 4.0):
        main(SWEEP)
