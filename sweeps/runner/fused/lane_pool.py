"""The hosts of a sweep's lanes, one for each slot, and which trial is where."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sweeps.runner.resources import gpu_count, slots
from trainable.spec.config import ResourcesConfig

# What the small actor of a trial reserves of the slot's CPUs.
PROXY_CPUS = 0.001


class LanePool:
    """Places trials on hosts of `lanes` lanes each; makes further hosts when the cluster has grown. Ray must be running."""

    def __init__(self, resources: ResourcesConfig, lanes: int, common: Mapping[str, int | None]) -> None:
        import ray

        self.lanes, self._common, self._resources = lanes, dict(common), resources
        self._available: Callable[[], dict[str, float]] = ray.cluster_resources
        self._hosts: dict[str, Any] = {}
        self._at_work: dict[str, tuple[str, int]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles what its hooks hold for a restore that this project does not use."""
        return {}

    @property
    def shared(self) -> ResourcesConfig:
        """What a trial takes of what a slot reserves."""
        own = self._resources
        gpus = gpu_count(own) / self.lanes if own.gpus_per_trial else 0.0
        return replace(own, cpus_per_trial=own.cpus_per_trial / self.lanes, gpus_per_trial=gpus)

    def trainable(self) -> Any:
        """The small actor of a trial, with what it reserves itself."""
        from ray import tune

        from sweeps.runner.fused.lane_trainable import LaneTrainable

        return tune.with_resources(LaneTrainable, {"cpu": PROXY_CPUS})

    def place(self, identity: Mapping[str, Any]) -> dict[str, Any]:
        """The ``lane`` of an assignment: the host with the fewest trials, and what all lanes have in common."""
        self._grow()
        taken = Counter(host for host, _ in self._at_work.values())
        host = min(self._hosts, key=lambda name: taken[name])
        self._at_work[identity["trial"]] = (host, identity["attempt"])
        return {"host": host, **self._common}

    def release(self, trial: str, attempt: int) -> None:
        """Has the host let go of an attempt that ended in whatever way."""
        host, latest = self._at_work.get(trial, ("", None))
        if latest == attempt:
            del self._at_work[trial]
            self._hosts[host].let_go.remote(trial, attempt)

    def close(self) -> None:
        import ray

        for host in self._hosts.values():
            ray.kill(host)

    def _grow(self) -> None:
        available = self._available()
        wanted = slots(self._resources, available.get("CPU", 1.0), available.get("GPU", 0.0))
        while len(self._hosts) < wanted:
            name = f"lanes-{len(self._hosts)}"
            self._hosts[name] = _host(name, self._resources, self.lanes)


def _host(name: str, resources: ResourcesConfig, lanes: int) -> Any:
    import ray

    from sweeps.runner.fused.lane_host import LaneHost

    cpus = max(0.0, round(resources.cpus_per_trial - lanes * PROXY_CPUS, 4))
    options = {"name": name, "num_cpus": cpus, "num_gpus": gpu_count(resources) if resources.gpus_per_trial else 0}
    # A call for each lane, and one to let go of it; a host that died comes back, and its trials continue from their checkpoints.
    return ray.remote(LaneHost).options(**options, max_concurrency=2 * lanes + 2, max_restarts=-1).remote(lanes)
