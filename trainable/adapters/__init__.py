"""Low-rank adapters: LoRA, and SubLoRA with its gates and coding."""
