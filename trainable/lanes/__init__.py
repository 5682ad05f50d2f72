"""Runs trained together as lanes of one process: stacked weights, one pass for all, each with its own optimizer and checkpoints."""
