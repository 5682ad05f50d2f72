"""Which way a metric is better."""

_HIGHER_IS_BETTER = ("tokens_per_sec",)


def higher_is_better(metric: str) -> bool:
    """Throughputs; losses, perplexities, memory and times are better lower."""
    return metric.endswith(_HIGHER_IS_BETTER)


def direction(metric: str) -> str:
    """``maximize`` or ``minimize``, as Optuna names them."""
    return "maximize" if higher_is_better(metric) else "minimize"
