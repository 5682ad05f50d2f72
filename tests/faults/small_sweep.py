"""A sweep of a few seconds for the fault harness, run like any other: ``python -m tests.faults.small_sweep [overrides]``."""

from ray import tune

from sweeps.runner.cli import main
from sweeps.runner.settings import ConfirmSection, ExploreSection, SchedulerSection, Settings, SweepSection
from sweeps.runner.sweep import Sweep
from trainable.spec.statement import Claim

SWEEP = Sweep(
    name="small_sweep",
    hypothesis="A learning rate of 3e-3 is better than 1e-3 in forty steps.",
    space={"optimizer.lr": tune.grid_search([1e-3, 3e-3, 1e-2, 1e30])},
    baseline={"optimizer.lr": 1e-3},
    claims=[Claim("The winner is at least 1 % better.", -0.01)],
    base=[
        "model=micro",
        "data=text",
        "data.vocab_size=300",
        "data.val_fraction=0.2",
        "data.test_fraction=0.2",
        "optimizer=adamw",
        "model.dropout=0.1",
        "training.max_steps=160",
        "training.batch_size=4",
        "training.eval_interval=16",
        "training.eval_batches=2",
        "training.test_batches=2",
        "training.log_interval=4",
        "training.num_threads=1",
        "training.keep_checkpoints=2",
        "tracking.wandb=off",
        "tracking.plots=false",
        "resources.max_concurrent_trials=2",
    ],
    settings=Settings(
        sweep=SweepSection(seeds=[1, 2]),
        explore=ExploreSection(seed=0),
        scheduler=SchedulerSection(name="fifo", grace_steps=32, reduction_factor=2.0),
        confirm=ConfirmSection(finalists=1),
    ),
)

if __name__ == "__main__":
    main(SWEEP)
