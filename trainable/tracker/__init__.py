"""Where a run's numbers go: log, CSV, plots, wandb, TensorBoard, MLflow."""
