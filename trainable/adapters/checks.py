"""The rules of an adapter's settings: pure, no torch."""

from collections.abc import Callable, Iterable
from dataclasses import fields
from importlib.util import find_spec
from math import isfinite
from typing import Any

from trainable.adapters.registry import ADAPTERS
from trainable.adapters.targets import target_mistakes
from trainable.spec.config import AdapterConfig
from trainable.spec.mistakes import unknown

RULES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "rank": ("must be at least 1", lambda rank: rank >= 1),
    "alpha": ("must be finite and above 0", lambda alpha: isfinite(alpha) and alpha > 0),
    "alpha_factor": ("must be finite and above 0", lambda factor: isfinite(factor) and factor > 0),
    "dropout": ("must lie in [0, 1)", lambda dropout: 0 <= dropout < 1),
    "target_modules": ("must name at least one layer", lambda names: len(names) > 0),
}


def adapter_mistakes(config: AdapterConfig, linears: Iterable[str] = ()) -> list[str]:
    """One sentence for each broken rule, setting that is missing or foreign, and missing package.

    `linears` are the paths of the model's linear layers; without them the target modules are not looked up.
    """
    if config.name not in ADAPTERS:
        return [unknown("adapter", config.name, ADAPTERS)]
    entry, linears = ADAPTERS[config.name], list(linears)
    found = [mistake for field in fields(config) if field.name != "name" for mistake in _setting_mistakes(config, field.name)]
    if entry.settings >= {"alpha", "alpha_factor"} and config.alpha is None and config.alpha_factor is None:
        found.append(f"adapter.alpha and adapter.alpha_factor are not given: adapter={config.name} needs one of them")
    if entry.package and find_spec(entry.package) is None:
        found.append(f"adapter={config.name} needs the package '{entry.package}' (pip install 'transformer-sweeps[adapters]')")
    return found + (target_mistakes(linears, config.target_modules or []) if linears else [])


def _setting_mistakes(config: AdapterConfig, name: str) -> list[str]:
    entry, value = ADAPTERS[config.name], getattr(config, name)
    if value is None:
        return [f"adapter.{name} is not given: adapter={config.name} needs it"] if name in entry.required else []
    if name not in entry.settings:
        known = f"it knows: {', '.join(sorted(entry.settings))}" if entry.settings else "choose an adapter, such as adapter=lora"
        return [f"adapter.{name}={value} has no meaning for adapter={config.name} ({known})"]
    rule, holds = RULES[name]
    return [] if holds(value) else [f"adapter.{name}={value} {rule}"]
