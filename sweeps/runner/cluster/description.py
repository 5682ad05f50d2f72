"""What a cluster is, whoever provides it: its machines, what lies where on them, and what they cost."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import PurePosixPath

# Ray node label that carries a machine's price, so that whoever sees the node knows it.
PRICE_LABEL = "price-per-hour-usd"
PROJECT = "~/transformer-sweeps"
TOKEN = "~/.ray/auth_token"


@dataclass(frozen=True)
class Machine:
    """One type of node. `price_usd` is per hour and None where nobody has said it; `gpus` are those of one node."""

    name: str
    instance: str
    gpus: int = 0
    spot: bool = False
    price_usd: float | None = None
    min_workers: int = 0
    max_workers: int = 0
    # Of the types that fit a demand, the one with the highest priority is asked for first.
    priority: int = 0


@dataclass(frozen=True)
class Cluster:
    """The description. `shared` is a folder that every node sees, if there is one; `shared_source` is mounted there over NFS.

    `environment` is a Python environment that every node has already; without it one is made from the pins.
    """

    name: str = "transformer-sweeps"
    user: str = "ubuntu"
    private_key: str | None = None
    shared: str | None = "/mnt/shared"
    shared_source: str | None = None
    environment: str | None = None
    idle_minutes: int = 10
    region: str = ""
    zones: tuple[str, ...] = ()
    project_id: str | None = None
    instance_profile: str | None = None
    machines: tuple[Machine, ...] = ()
    addresses: tuple[str, ...] = ()
    cpus_per_node: int | None = None
    price_usd: float | None = None

    @property
    def head(self) -> Machine:
        return self.machines[0]

    @property
    def workers(self) -> tuple[Machine, ...]:
        return self.machines[1:]


@dataclass(frozen=True)
class CloudDefaults:
    """What a cloud calls its machines: those of the shipped ``cluster.yaml`` and their list prices."""

    user: str
    region: str
    zones: tuple[str, ...]
    shared_source: str
    head: Machine
    worker: str
    gpus: int
    price_usd: float
    further: tuple[str, ...] = field(default=())


def mistakes_of(cluster: Cluster, *, provider: str) -> list[str]:
    """Every broken rule of a description, one sentence each."""
    found = []
    if cluster.shared is not None and not PurePosixPath(cluster.shared).is_absolute():
        found.append(f"--shared {cluster.shared}: it must be an absolute path, the same on every node")
    if cluster.idle_minutes < 1:
        found.append(f"--idle-minutes {cluster.idle_minutes}: at least 1, or a node would end between two trials")
    for machine in cluster.workers:
        if not 0 <= machine.min_workers <= machine.max_workers:
            found.append(f"--min-workers {machine.min_workers}: it must lie between 0 and --max-workers {machine.max_workers}")
        if machine.price_usd is not None and machine.price_usd < 0:
            found.append(f"--price {machine.price_usd:g}: a price per hour is not negative")
    if provider == "local":
        found += _address_mistakes(cluster.addresses)
    if cluster.instance_profile and provider != "aws":
        found.append(f"--instance-profile {cluster.instance_profile}: only AWS has instance profiles")
    if provider == "gcp" and not cluster.project_id:
        found.append("--project-id is missing: Google Cloud needs the project that pays")
    return list(dict.fromkeys(found))


def _address_mistakes(addresses: tuple[str, ...]) -> list[str]:
    if not addresses:
        return ["--head is missing: a cluster of given machines starts with the head's address"]
    found = [f"{address} stands twice among --head and --workers" for address in addresses if addresses.count(address) > 1]
    for address in addresses:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            found.append(f"{address!r} is no IP address; Ray compares the nodes of a local cluster by their addresses")
    return found
