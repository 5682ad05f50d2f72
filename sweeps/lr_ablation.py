"""Which learning rate does a small transformer want? The main job of this project."""

from dataclasses import replace

from search_spaces.learning_rate import LEARNING_RATE, LEARNING_RATE_OF_THE_STUDY
from sweeps.runner.cli import main
from sweeps.runner.settings import ConfirmSection, ExploreSection, SchedulerSection, Settings, SweepSection
from sweeps.runner.sweep import Sweep
from trainable.spec.statement import Claim

SWEEP = Sweep(
    name="lr_ablation",
    hypothesis="AdamW's customary learning rate of 3e-4 is too low for a short run: another one lowers the validation loss by 5 %.",
    space=LEARNING_RATE,
    baseline={"optimizer.lr": 3e-4},
    claims=[
        Claim("The winner's validation loss is at least 5 % below that of learning rate 3e-4.", -0.05),
    ],
    base=["model=tiny", "optimizer=adamw", "schedule=cosine", "schedule.warmup_steps=20", "training.max_steps=400"],
    settings=Settings(
        sweep=SweepSection(seeds=[1, 2, 3]),
        explore=ExploreSection(seed=0),
        scheduler=SchedulerSection(name="asha", grace_steps=40, reduction_factor=3),
        confirm=ConfirmSection(finalists=2),
    ),
)
SWEEP = replace(
    SWEEP,
    full=replace(
        SWEEP,
        hypothesis="The default learning rate of 6e-4 is not the best for TinyStories: another one lowers the validation loss by 1 %.",
        space=LEARNING_RATE_OF_THE_STUDY,
        baseline={"optimizer.lr": 6e-4},
        claims=[Claim("The winner's validation loss is at least 1 % below that of learning rate 6e-4.", -0.01)],
        base=["experiment=baseline_tinystories"],
        settings=Settings(scheduler=SchedulerSection(grace_steps=1000)),
    ),
)

if __name__ == "__main__":
    main(SWEEP)
