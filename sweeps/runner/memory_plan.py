"""What memory the trials of a sweep will take, and how many of them share a GPU: pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sweeps.runner.blueprint import Blueprint
from sweeps.runner.resources import worker_count
from trainable.memory import GB, MemoryPrediction, gpu_fraction, predict

_MB = 1e6
# Keys that memory depends on, beside those of the groups below.
_KEYS = frozenset(
    "optimizer optimizer.name optimizer.bits_m training.batch_size training.micro_batch_size training.precision "
    "training.cuda_graphs".split()
)
_GROUPS = ("model", "adapter")


@dataclass(frozen=True)
class MemoryOfTrials:
    """Trials that take the same memory: their number, and the values that tell them from the others, each with all it has here."""

    trials: int
    values: Mapping[str, tuple[Any, ...]]
    prediction: MemoryPrediction | None

    def line(self) -> str:
        which = " ".join(f"{key.rsplit('.', 1)[-1]}={'|'.join(map(str, values))}" for key, values in self.values.items()) or "every trial"
        found = self.prediction
        if found is None:
            return f"memory   not predicted ({which}): the model is not one of this project's own"
        parts = {
            "weights": found.weights_bytes,
            "gradients": found.gradients_bytes,
            "optimizer state": found.optimizer_state_bytes,
            "activations": found.activations_bytes,
            "process": found.process_bytes,
        }
        shown = ", ".join(f"{name} {size / _MB:,.1f} MB" for name, size in parts.items())
        where = f" in each of {found.ranks} processes" if found.ranks > 1 else ""
        return f"memory   about {found.peak_bytes / GB:.2f} GB at the peak{where} ({which}): {shown}"


def memory_of_trials(blueprint: Blueprint) -> list[MemoryOfTrials]:
    """One entry for each distinct memory of the trials known in advance, in their order; what a searcher draws counts as in the base."""
    groups: dict[MemoryPrediction | None, list[dict[str, Any]]] = {}
    for slot in blueprint.slots:
        values = dict(slot.grid)
        config = blueprint.config(values, blueprint.settings.explore.seed)
        found = predict(config, ranks=worker_count(config.resources))
        groups.setdefault(found.in_worker() if found else None, []).append(values)
    every = [values for members in groups.values() for values in members]
    return [MemoryOfTrials(len(members), _telling(members, every), found) for found, members in groups.items()]


def gpu_share(memory: Iterable[MemoryOfTrials], device_bytes: int) -> float:
    """The share of a GPU of `device_bytes` that every trial gets: what the largest needs; all of it when one is not predicted."""
    predictions = [group.prediction for group in memory]
    known = [found.peak_bytes for found in predictions if found is not None]
    return gpu_fraction(max(known), device_bytes) if known and len(known) == len(predictions) else 1.0


def _telling(members: list[dict[str, Any]], every: list[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    keys = sorted({key for values in members for key in values if key in _KEYS or key.split(".")[0] in _GROUPS})
    return {key: _seen(members, key) for key in keys if set(_seen(members, key)) != set(_seen(every, key))}


def _seen(members: list[dict[str, Any]], key: str) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values[key] for values in members if key in values))
