"""Every probe by name, with the metrics it gives; importable without torch, so that a request is checked in milliseconds."""

from collections.abc import Iterable
from dataclasses import dataclass

from trainable.spec.config import RunConfig
from trainable.spec.mistakes import unknown


@dataclass(frozen=True)
class ProbeEntry:
    """One line of `PROBES`: `module` has a class `Probe` (see `trainable.probes.probe`) and is imported when a run asks for it."""

    module: str
    metrics: tuple[str, ...]


_QUANT = ("error_m", "error_v", "relative_error_m", "relative_error_v", "bits_m", "bits_v")

PROBES: dict[str, ProbeEntry] = {
    "quant": ProbeEntry("trainable.probes.quant", tuple(f"quant/{name}" for name in _QUANT)),
    "quant_trajectory": ProbeEntry("trainable.probes.quant_trajectory", ("quant/trajectory_error_m", "quant/trajectory_error_v")),
    "lowrank": ProbeEntry("trainable.probes.lowrank", ("lowrank/reconstruction_error", "lowrank/rank")),
    "hessian": ProbeEntry("trainable.probes.hessian", ("theory/hessian_max_eigenvalue",)),
    "sharpness": ProbeEntry("trainable.probes.sharpness", ("theory/sharpness",)),
}


def probe_mistakes(config: RunConfig) -> list[str]:
    """One sentence for each unknown or repeated name."""
    names = config.training.probes
    repeated = sorted({name for name in names if names.count(name) > 1})
    return [unknown("probe in training.probes", name, PROBES) for name in names if name not in PROBES] + [
        f"training.probes names '{name}' more than once" for name in repeated
    ]


def probe_metrics(names: Iterable[str]) -> list[str]:
    """The columns that these probes add, in the registry's order."""
    asked = set(names)
    return [metric for name, entry in PROBES.items() if name in asked for metric in entry.metrics]
