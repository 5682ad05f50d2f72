"""The rules of an optimizer's settings: pure, no torch."""

from collections.abc import Callable
from dataclasses import fields
from math import isfinite
from typing import Any

from trainable.optim.registry import OPTIMIZERS
from trainable.spec.config import OptimizerConfig
from trainable.spec.mistakes import unknown

ALWAYS = frozenset({"name", "lr", "weight_decay"})

RULES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "lr": ("must be finite and above 0", lambda lr: isfinite(lr) and lr > 0),
    "weight_decay": ("must be finite and at least 0", lambda decay: isfinite(decay) and decay >= 0),
    "betas": ("must be two numbers in [0, 1)", lambda betas: len(betas) == 2 and all(0 <= beta < 1 for beta in betas)),
    "eps": ("must be finite and above 0", lambda eps: isfinite(eps) and eps > 0),
    "momentum": ("must lie in [0, 1)", lambda momentum: 0 <= momentum < 1),
    "beta2_decay": ("must be finite and at most 0", lambda decay: isfinite(decay) and decay <= 0),
    "bits_m": ("must be 8 or 4", lambda bits: bits in {8, 4}),
    "precision": ("must be fixed or adaptive", lambda precision: precision in {"fixed", "adaptive"}),
    "error_threshold": ("must be finite and above 0", lambda threshold: isfinite(threshold) and threshold > 0),
    "clip_threshold": ("must be finite and at least 1", lambda threshold: isfinite(threshold) and threshold >= 1),
}


def optimizer_mistakes(config: OptimizerConfig) -> list[str]:
    """One sentence for each value that breaks its rule, and for each setting that the optimizer does not have."""
    mistakes = [] if config.name in OPTIMIZERS else [unknown("optimizer.name", config.name, OPTIMIZERS)]
    for name in (field.name for field in fields(config)):
        value = getattr(config, name)
        if value is None:
            continue
        mistakes += _stranger(config, name, value)
        rule, holds = RULES.get(name, ("", bool))
        if rule and not holds(value):
            mistakes.append(f"optimizer.{name}={value} {rule}")
    return mistakes + _contradictions(config)


def _contradictions(config: OptimizerConfig) -> list[str]:
    adaptive = config.precision == "adaptive"
    mistakes = []
    if adaptive and config.bits_m == 8:
        mistakes.append("optimizer.bits_m=8 leaves nothing to adapt: with optimizer.precision=adaptive it must be 4, where tensors start")
    if config.name == "hybrid" and not adaptive and config.error_threshold is not None:
        mistakes.append(f"optimizer.error_threshold={config.error_threshold} must be null: only optimizer.precision=adaptive asks for it")
    return mistakes


def _stranger(config: OptimizerConfig, name: str, value: Any) -> list[str]:
    if config.name not in OPTIMIZERS or name in ALWAYS | OPTIMIZERS[config.name].settings:
        return []
    known = ", ".join(sorted(OPTIMIZERS[config.name].settings))
    return [f"optimizer.{name}={value} has no meaning for {config.name} (it knows: {known})"]
