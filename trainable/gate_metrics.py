"""What the gates of a learned allocation have come to: how far from an equal split, and whether it changes with depth."""

from collections.abc import Mapping

from torch import nn

from trainable.adapters.coding import gates


def gate_metrics(model: nn.Module) -> dict[str, float]:
    """``gates/*`` by name, of the numbered layers; {} for a model without gates."""
    return metrics_of({int(group): gamma for group, gamma in gates(model).items() if group.isdecimal()})


def metrics_of(by_layer: Mapping[int, float]) -> dict[str, float]:
    """`by_layer`: gamma, the share of its coordinates that a layer gives to B. A correlation that does not exist is left out."""
    if not by_layer:
        return {}
    layers, gammas = list(by_layer), list(by_layer.values())
    found = {
        "gates/mean": sum(gammas) / len(gammas),
        "gates/deviation": sum(abs(gamma - 0.5) for gamma in gammas) / len(gammas),
    }
    if len(gammas) > 2 and len(set(gammas)) > 1:
        from scipy.stats import spearmanr  # half a second of every worker's start, for a model with gates

        found["gates/depth_correlation"] = float(spearmanr(layers, gammas).statistic)
    return found
