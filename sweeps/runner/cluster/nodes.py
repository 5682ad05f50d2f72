"""The nodes of the running Ray, as plain values, and whether each runs the driver's code."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweeps.runner.cluster.description import PRICE_LABEL
from trainable.spec.code_version import code_version, version_text

_ANSWER_SECONDS = 120.0

Version = Mapping[str, str | None]


@dataclass(frozen=True)
class Node:
    """One living node; `price_usd` is per hour, None where its label does not say."""

    id: str
    host: str
    cpus: float
    gpus: float
    price_usd: float | None


def living_nodes() -> list[Node]:
    """Ray must be running."""
    import ray

    return [_node(described) for described in ray.nodes() if described["Alive"]]


def code_mistakes(nodes: list[Node]) -> list[str]:
    """One sentence for each node whose project is not the driver's; all are asked at once."""
    asked = {node.host: _asked(node) for node in nodes}
    return compared(code_version(), {host: _answer(question) for host, question in asked.items()})


def compared(here: Version, elsewhere: Mapping[str, Version | str]) -> list[str]:
    """The sentences, from each host's version or from why it could not be asked."""
    found = []
    for host, there in elsewhere.items():
        if isinstance(there, str):
            found.append(f"node {host} cannot load this project: {there}")
        elif dict(there) != dict(here):
            found.append(f"node {host} runs {version_text(there)}, but this driver runs {version_text(here)}: ray up brings them together")
    return found


def _asked(node: Node) -> Any:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(node.id, soft=False)
    return ray.remote(num_cpus=0, scheduling_strategy=there)(code_version).remote()


def _answer(question: Any) -> Version | str:
    import ray

    try:
        version: Version = ray.get(question, timeout=_ANSWER_SECONDS)
    except ray.exceptions.RayError as error:
        return str(error).strip().splitlines()[-1]
    return version


def _node(described: Mapping[str, Any]) -> Node:
    resources, label = described["Resources"], described.get("Labels", {}).get(PRICE_LABEL)
    return Node(
        id=described["NodeID"],
        host=described["NodeManagerHostname"],
        cpus=resources.get("CPU", 0.0),
        gpus=resources.get("GPU", 0.0),
        price_usd=float(label) if label else None,
    )
