"""Learning rates from too small to learn in the time given to too large to be stable, and what they go together with."""

from ray import tune

LEARNING_RATE = {"optimizer.lr": tune.grid_search([1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 1.0])}
# Experiments 1, 3 and 4 of the CS336 log.
LEARNING_RATE_OF_THE_STUDY = {"optimizer.lr": tune.grid_search([1e-4, 3e-4, 6e-4, 1e-3])}

LEARNING_RATE_AND_COMPANY = {
    "optimizer.lr": tune.loguniform(1e-4, 1e-1),
    "optimizer.weight_decay": tune.loguniform(1e-3, 1.0),
    "schedule.warmup_steps": tune.randint(0, 61),
    "training.batch_size": tune.choice([4, 8, 16]),
}
