"""What a cluster file offers a sweep when all its nodes are there, and what that costs: for the price tag; pure."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweeps.runner.cluster.description import PRICE_LABEL
from sweeps.runner.resources import gpu_count, slots
from trainable.spec.config import ResourcesConfig
from trainable.spec.mistakes import WrongRequest


@dataclass(frozen=True)
class Offer:
    """`cpus` is None where the file does not say how many there are; `price_usd` is that of an hour of everything, None if unknown."""

    nodes: int
    cpus: float | None
    gpus: float
    price_usd: float | None

    def slots(self, resources: ResourcesConfig) -> int | None:
        """Trials at once; None where the file does not tell. On GPUs the CPUs are taken to suffice."""
        if gpu_count(resources):
            cpus = self.cpus or self.gpus / gpu_count(resources) * resources.cpus_per_trial
            return slots(resources, cpus, self.gpus)
        return None if self.cpus is None else slots(resources, self.cpus, 0.0)

    def line(self, seconds: float | None) -> str:
        """The cost of `seconds` on all nodes."""
        if self.price_usd is None:
            return f"cost     unknown: the cluster file has no {PRICE_LABEL} for every machine"
        if seconds is None:
            return f"cost     {self.price_usd:.2f} USD an hour with all {self.nodes} nodes; how many CPUs they have is not in the file"
        cost = self.price_usd * seconds / 3600
        amount = "less than 0.01" if cost < 0.01 else f"about {cost:.2f}"
        return f"cost     {amount} USD, at {self.price_usd:.2f} USD an hour with all {self.nodes} nodes (estimated, not measured)"


def offer_of(cluster: Mapping[str, Any]) -> Offer:
    """From the contents of a cluster file; the type that is asked for first stands for all workers.

    Raises `WrongRequest` where something is missing that the price needs, or has another form.
    """
    try:
        return _given_machines(cluster) if cluster["provider"]["type"] == "local" else _cloud(cluster)
    except KeyError as missing:
        fault = f"the cluster file has no {missing}"
    except (AttributeError, TypeError, ValueError) as error:
        fault = f"the cluster file is not of the form that is expected ({error})"
    raise WrongRequest([f"{fault}; python -m sweeps.cluster render writes a whole one"])


def _cloud(cluster: Mapping[str, Any]) -> Offer:
    types = dict(cluster["available_node_types"])
    head = types.pop(cluster["head_node_type"])
    workers = max(types.values(), key=lambda kind: kind.get("priority", 0))
    count = min(cluster["max_workers"], workers["max_workers"])
    prices = [head.get("labels", {}).get(PRICE_LABEL), workers.get("labels", {}).get(PRICE_LABEL)]
    price = None if None in prices else float(prices[0]) + count * float(prices[1])
    cpus = workers["resources"].get("CPU")
    return Offer(count + 1, None if cpus is None else float(count * cpus), float(count * workers["resources"].get("GPU", 0)), price)


def _given_machines(cluster: Mapping[str, Any]) -> Offer:
    starts = [_start_options(cluster[f"{role}_start_ray_commands"]) for role in ("head", "worker")]
    counts = [1, len(cluster["provider"]["worker_ips"])]
    return Offer(
        sum(counts), _total(starts, counts, "num-cpus"), _total(starts, counts, "num-gpus") or 0.0, _total(starts, counts, PRICE_LABEL)
    )


def _total(starts: list[dict[str, str]], counts: list[int], name: str) -> float | None:
    if not all(name in options for options, count in zip(starts, counts, strict=True) if count):
        return None
    return sum(count * float(options[name]) for options, count in zip(starts, counts, strict=True) if count)


def _start_options(commands: list[str]) -> dict[str, str]:
    """``--name=value`` of ``ray start``, and its labels by their own names."""
    words = [word for line in commands if "ray start" in line for word in shlex.split(line) if word.startswith("--")]
    options = dict(word.removeprefix("--").partition("=")[::2] for word in words)
    return {**options, **dict(label.partition("=")[::2] for label in options.get("labels", "").split(",") if label)}
