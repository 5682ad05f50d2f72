"""What draws values for trials: grid, random, and Optuna's samplers, rebuilt from the ledger at every start."""
