"""Figures of SubLoRA: gates, allocations, and bounds against the dimension."""
