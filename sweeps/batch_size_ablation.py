"""What does another batch size cost or gain, at equal tokens and at equal steps, under three rules for the learning rate?"""

from dataclasses import replace
from typing import Any

from search_spaces.batch_size import batch_size_point, batch_sizes
from sweeps.runner.cli import main
from sweeps.runner.settings import ExploreSection, Settings
from sweeps.runner.sweep import Sweep
from trainable.spec.statement import Claim

SMALL: dict[str, Any] = {"batch_size": 8, "lr": 5e-3, "max_steps": 160, "eval_interval": 40}
FULL: dict[str, Any] = {"batch_size": 64, "lr": 6e-4, "max_steps": 10000, "eval_interval": 500}

SWEEP = Sweep(
    name="batch_size_ablation",
    hypothesis="More tokens in as many steps help; at equal tokens the smaller batch, with more steps, is not worse.",
    space=batch_sizes(**SMALL),
    baseline=batch_size_point(**SMALL),
    claims=[
        Claim("Four times the batch at equal steps lowers the validation loss by 2 %.", -0.02, cell=batch_size_point(32, 5e-3, 160, 40)),
        Claim("Half the batch at equal tokens and the same rate is at most 1 % worse.", 0.01, cell=batch_size_point(4, 5e-3, 320, 80)),
    ],
    base=["model=tiny", "optimizer=adamw", "schedule=cosine", "schedule.warmup_steps=10"],
    settings=Settings(explore=ExploreSection(enabled=False)),
)
SWEEP = replace(
    SWEEP,
    full=replace(
        SWEEP,
        space=batch_sizes(**FULL),
        baseline=batch_size_point(**FULL),
        claims=[
            Claim("A batch of 256 at equal steps lowers the validation loss by 2 %.", -0.02, cell=batch_size_point(256, 6e-4, 10000, 500)),
            Claim("A batch of 32 at equal tokens is at most 1 % worse.", 0.01, cell=batch_size_point(32, 6e-4, 20000, 1000)),
        ],
        base=["experiment=baseline_tinystories"],
    ),
)

if __name__ == "__main__":
    main(SWEEP)
