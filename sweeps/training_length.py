"""Does the model go on improving? Ten times the steps against the baseline."""

from dataclasses import replace

from search_spaces.training_length import training_lengths
from sweeps.runner.cli import main
from sweeps.runner.settings import ExploreSection, Settings
from sweeps.runner.sweep import Sweep
from trainable.spec.statement import Claim

SWEEP = Sweep(
    name="training_length",
    hypothesis="Ten times the steps lower the validation loss by 10 % or more: the baseline is undertrained.",
    space=training_lengths(80, 800),
    baseline={"training.max_steps": 80},
    claims=[Claim("800 steps lower the validation loss of 80 steps by 10 %.", -0.10, cell={"training.max_steps": 800})],
    base=["model=tiny", "optimizer=adamw", "optimizer.lr=1e-2", "schedule.warmup_steps=10"],
    settings=Settings(explore=ExploreSection(enabled=False)),
)
SWEEP = replace(
    SWEEP,
    full=replace(
        SWEEP,
        space=training_lengths(10000, 100000),
        baseline={"training.max_steps": 10000},
        claims=[Claim("100,000 steps lower the loss of 10,000 by 10 %.", -0.10, cell={"training.max_steps": 100000})],
        base=["experiment=baseline_tinystories"],
    ),
)

if __name__ == "__main__":
    main(SWEEP)
