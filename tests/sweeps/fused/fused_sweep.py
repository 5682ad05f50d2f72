"""A sweep of trials that can be fused: ``python -m tests.sweeps.fused.fused_sweep [overrides]``."""

from dataclasses import replace

from sweeps.runner.cli import main
from sweeps.runner.settings import ExploreSection
from tests.faults import small_sweep

SWEEP = replace(
    small_sweep.SWEEP,
    name="fused_sweep",
    base=[*small_sweep.SWEEP.base, "model.dropout=0", "training.max_steps=48", "resources.max_concurrent_trials=4"],
    settings=replace(small_sweep.SWEEP.settings, explore=ExploreSection(enabled=False)),
)

if __name__ == "__main__":
    main(SWEEP)
