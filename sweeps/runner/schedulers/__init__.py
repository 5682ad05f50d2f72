"""Early stopping as pure rules from learning curves to decisions: ASHA, Hyperband, median stopping, population-based training."""
