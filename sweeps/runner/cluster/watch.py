"""Follows the nodes of a cluster while a sweep runs: how many trials fit, what the nodes cost, and what waits for room."""

import time
from collections.abc import Callable, Collection
from typing import Any

from sweeps.runner.cluster.nodes import Node, living_nodes
from sweeps.runner.resources import slots
from trainable.spec.config import ResourcesConfig

_LOOK_SECONDS = 2.0


class ClusterWatch:
    """Part of Tune's loop. Nodes may come and go; `nodes` are those that lived at the last look."""

    def __init__(
        self,
        resources: ResourcesConfig,
        look: Callable[[], list[Node]] = living_nodes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.resources, self._look, self._clock = resources, look, clock
        self.nodes: list[Node] = []
        self.cost_usd, self.waiting = 0.0, 0
        self._looked: float | None = None

    def follow(self, trials: Collection[Any]) -> None:
        """Of the trials of this moment: those that have not ended."""
        self.waiting = sum(trial.status == "PENDING" for trial in trials)
        self.refresh()

    def refresh(self) -> None:
        """Looks again, at most every two seconds; the time between two looks is paid for the nodes of the earlier one."""
        now = self._clock()
        if self._looked is not None and now - self._looked < _LOOK_SECONDS:
            return
        if self._looked is not None:
            self.cost_usd += self.price_usd * (now - self._looked) / 3600
        self.nodes, self._looked = self._look(), now

    def has_room(self, at_work: int) -> bool:
        """Whether another trial may start beside `at_work` others: one more than fits, so that an autoscaler sees the demand.

        With ``resources.max_concurrent_trials`` that many, whether they fit or not.
        """
        self.refresh()
        cpus, gpus = sum(node.cpus for node in self.nodes), sum(node.gpus for node in self.nodes)
        return at_work < (self.resources.max_concurrent_trials or slots(self.resources, cpus, gpus) + 1)

    @property
    def price_usd(self) -> float:
        """Of an hour of the nodes that say their price."""
        return sum(node.price_usd or 0.0 for node in self.nodes)

    @property
    def hosts(self) -> list[str]:
        return sorted(node.host for node in self.nodes)

    def lines(self) -> list[str]:
        """What a screen shows of it."""
        cpus, gpus = sum(node.cpus for node in self.nodes), sum(node.gpus for node in self.nodes)
        found = [f"nodes {len(self.nodes)} ({', '.join(self.hosts)}): {cpus:g} CPUs, {gpus:g} GPUs{self._cost()}"]
        if self.waiting:
            each = f"{self.resources.cpus_per_trial:g} CPUs and {self.resources.gpus_per_trial} GPUs"
            found.append(f"waiting for {each}: {self.waiting} {'trial' if self.waiting == 1 else 'trials'}")
        return found

    def _cost(self) -> str:
        priced = sum(node.price_usd is not None for node in self.nodes)
        if not priced:
            return ""
        rest = f", {len(self.nodes) - priced} of them without a price" if priced < len(self.nodes) else ""
        return f" · {self.cost_usd:.2f} USD since the driver's start, {self.price_usd:.2f} an hour{rest}"
