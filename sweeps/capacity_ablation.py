"""Is the model too small for its task? A wider one against the baseline, at the same tokens."""

from dataclasses import replace

from search_spaces.capacity import capacities, capacity
from sweeps.runner.cli import main
from sweeps.runner.settings import ExploreSection, Settings
from sweeps.runner.sweep import Sweep
from trainable.spec.statement import Claim

SWEEP = Sweep(
    name="capacity_ablation",
    hypothesis="The baseline is under capacity: half as wide again lowers the validation loss by 1 % at the same tokens.",
    space=capacities(capacity(64, 4), capacity(96, 6)),
    baseline=capacity(64, 4),
    claims=[Claim("Width 96 lowers the validation loss of width 64 by 1 %.", -0.01, cell=capacity(96, 6))],
    base=["model=tiny", "optimizer=adamw", "optimizer.lr=1e-2", "schedule.warmup_steps=20", "training.max_steps=240"],
    settings=Settings(explore=ExploreSection(enabled=False)),
)
SWEEP = replace(
    SWEEP,
    full=replace(
        SWEEP,
        space=capacities(capacity(512, 8), capacity(768, 12)),
        baseline=capacity(512, 8),
        claims=[Claim("d_model 768 lowers the validation loss of d_model 512 by 1 %.", -0.01, cell=capacity(768, 12))],
        base=["experiment=baseline_tinystories"],
    ),
)

if __name__ == "__main__":
    main(SWEEP)
