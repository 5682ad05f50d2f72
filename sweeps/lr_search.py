"""Learning rate, weight decay, warm-up and batch size together: ASHA stops what is behind, TPE learns where to look."""

from search_spaces.learning_rate import LEARNING_RATE_AND_COMPANY
from sweeps.runner.cli import main
from sweeps.runner.settings import ConfirmSection, ExploreSection, SchedulerSection, SearcherSection, Settings, SweepSection
from sweeps.runner.sweep import Sweep
from trainable.spec.statement import Claim

SWEEP = Sweep(
    name="lr_search",
    hypothesis="A search over four settings at once beats a good learning rate alone (1e-2, all else at its default) by 1 % or more.",
    space=LEARNING_RATE_AND_COMPANY,
    baseline={"optimizer.lr": 1e-2, "optimizer.weight_decay": 0.1, "schedule.warmup_steps": 20, "training.batch_size": 8},
    claims=[Claim("The winner's validation loss is at least 1 % below the baseline's.", -0.01)],
    base=["model=tiny", "optimizer=adamw", "schedule=cosine", "training.max_steps=240", "training.eval_interval=20"],
    settings=Settings(
        sweep=SweepSection(seeds=[1, 2, 3]),
        explore=ExploreSection(samples=20, seed=0),
        searcher=SearcherSection(name="optuna-tpe", startup_trials=8),
        scheduler=SchedulerSection(name="asha", grace_steps=20, reduction_factor=3),
        confirm=ConfirmSection(finalists=2),
    ),
)

if __name__ == "__main__":
    main(SWEEP)
