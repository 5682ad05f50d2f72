"""The rules of an adapter's settings: pure, no torch."""

from dataclasses import fields
from importlib.util import find_spec
from math import isfinite

from trainable.adapters.entry import Linears, Rules, Shapes
from trainable.adapters.registry import ADAPTERS
from trainable.adapters.targets import target_mistakes
from trainable.spec.config import AdapterConfig
from trainable.spec.mistakes import unknown

RULES: Rules = {
    "rank": ("must be at least 1", lambda rank: rank >= 1),
    "alpha": ("must be finite and above 0", lambda alpha: isfinite(alpha) and alpha > 0),
    "alpha_factor": ("must be finite and above 0", lambda factor: isfinite(factor) and factor > 0),
    "dropout": ("must lie in [0, 1)", lambda dropout: 0 <= dropout < 1),
    "target_modules": ("must name at least one layer", lambda names: len(names) > 0),
    "intrinsic_dim": ("must be at least 0 (0: no subspace)", lambda coordinates: coordinates >= 0),
    "projector_seed": ("must lie in [0, 2**63)", lambda seed: 0 <= seed < 2**63),
    "gate_lr": ("must be finite and above 0", lambda rate: isfinite(rate) and rate > 0),
}


def adapter_mistakes(config: AdapterConfig, shapes: Shapes | None = None, linears: Linears | None = None) -> list[str]:
    """One sentence for each broken rule, setting that is missing or foreign, and missing package.

    `shapes` are those of the model's weights, and (outputs, inputs) of its `linears`; without them it is not looked whether the adapter
    fits the model.
    """
    if config.name not in ADAPTERS:
        return [unknown("adapter", config.name, ADAPTERS)]
    entry = ADAPTERS[config.name]
    found = [mistake for field in fields(config) if field.name != "name" for mistake in _setting_mistakes(config, field.name)]
    if entry.settings >= {"alpha", "alpha_factor"} and config.alpha is None and config.alpha_factor is None:
        found.append(f"adapter.alpha and adapter.alpha_factor are not given: adapter={config.name} needs one of them")
    if entry.package and find_spec(entry.package) is None:
        found.append(f"adapter={config.name} needs the package '{entry.package}' (pip install 'transformer-sweeps[adapters]')")
    found += entry.mistakes(config)
    if linears:
        found += target_mistakes(linears, config.target_modules or [])
    return found or (entry.misfits(config, shapes, linears) if shapes and linears else [])


def _setting_mistakes(config: AdapterConfig, name: str) -> list[str]:
    entry, value = ADAPTERS[config.name], getattr(config, name)
    if value is None:
        return [f"adapter.{name} is not given: adapter={config.name} needs it"] if name in entry.required else []
    if name not in entry.settings:
        known = f"it knows: {', '.join(sorted(entry.settings))}" if entry.settings else "choose an adapter, such as adapter=lora"
        return [f"adapter.{name}={value} has no meaning for adapter={config.name} ({known})"]
    rule, holds = {**RULES, **entry.rules}.get(name, ("", bool))
    return [] if not rule or holds(value) else [f"adapter.{name}={value} {rule}"]
