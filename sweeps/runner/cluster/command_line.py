"""The commands of ``python -m sweeps.cluster``; each prints a file, which is the caller's to keep."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import yaml

from sweeps.runner.cluster.batch_request import requested_batch
from sweeps.runner.cluster.description import Cluster, Machine, mistakes_of
from sweeps.runner.cluster.leaving import NOTICES, heed, leave_cluster
from sweeps.runner.cluster.providers import CLOUDS, PROVIDERS
from sweeps.runner.cluster.slurm import script
from sweeps.runner.cluster.teardown import tear_down
from sweeps.runner.cluster.time_limit import GRAMMAR
from trainable.spec.mistakes import EXIT_DONE, EXIT_WRONG_REQUEST, WrongRequest, render


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Leaves with the exit code of `trainable.spec.mistakes`."""
    parser = _parser()
    given, further = parser.parse_known_args(arguments)
    if given.command is _batch:
        given.arguments = further
    elif further:
        parser.error(f"unrecognized arguments: {' '.join(further)}")
    try:
        print(given.command(given), end="")
    except WrongRequest as wrong:
        print(render(wrong.mistakes), file=sys.stderr)
        sys.exit(EXIT_WRONG_REQUEST)
    sys.exit(EXIT_DONE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sweeps.cluster", description="Cluster files and batch scripts, printed.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    rendered = commands.add_parser("render", help="a cluster file for ray up")
    rendered.set_defaults(command=_rendered)
    rendered.add_argument("--provider", choices=sorted(PROVIDERS), default="aws")
    rendered.add_argument("--name", default="transformer-sweeps", help="of the cluster")
    rendered.add_argument("--user", help="who logs in on the nodes")
    rendered.add_argument("--key", help="private key of that login; without it clouds make one")
    rendered.add_argument("--shared", default="/mnt/shared", help="folder that every node sees")
    rendered.add_argument("--shared-source", help="what is mounted there over NFS (clouds; host:/path)")
    rendered.add_argument(
        "--no-shared", dest="shared", action="store_const", const=None, help="no such folder: runs are kept at a storage (s3://)"
    )
    rendered.add_argument("--environment", help="Python environment that every node has; without it one is installed from the pins")
    rendered.add_argument("--idle-minutes", type=int, default=10, help="a node without work for this long is ended")
    clouds = rendered.add_argument_group("clouds")
    clouds.add_argument("--region")
    clouds.add_argument("--zones", help="comma-separated, tried in this order")
    clouds.add_argument("--project-id", help="of Google Cloud")
    clouds.add_argument("--instance-profile", metavar="NAME", help="IAM profile of the workers on AWS, which lets them at the storage")
    clouds.add_argument("--machine", help="instance type of the GPU workers")
    clouds.add_argument("--gpus", type=int, help="GPUs of one such machine")
    clouds.add_argument("--price", type=float, help="of one machine in USD per hour, for the price tag")
    clouds.add_argument("--min-workers", type=int, default=1)
    clouds.add_argument("--max-workers", type=int, default=8)
    machines = rendered.add_argument_group("given machines (--provider local)")
    machines.add_argument("--head", metavar="IP")
    machines.add_argument("--workers", metavar="IP,IP,...", default="")
    machines.add_argument("--cpus", type=int, help="CPUs a node offers; without it all it has")
    _add_slurm(commands)
    ending = commands.add_parser("down", help="end a cluster, with what ray down leaves on given machines")
    ending.set_defaults(command=lambda given: "\n".join([*tear_down(given.file), ""]))
    ending.add_argument("file", type=Path)
    leaving = commands.add_parser("leave", help="on a node that is about to go: its trials keep a checkpoint and move")
    leaving.set_defaults(command=lambda _: _told(leave_cluster()))
    heeding = commands.add_parser("heed", help="on a spot node: wait for the cloud's notice, then leave")
    heeding.set_defaults(command=_heeded)
    heeding.add_argument("cloud", choices=sorted(NOTICES))
    return parser


def _add_slurm(commands: Any) -> None:
    batch = commands.add_parser("slurm", help="a batch script for SLURM; what it does not know goes to the sweep", allow_abbrev=False)
    batch.set_defaults(command=_batch)
    batch.add_argument("sweep", help="such as lr_ablation")
    batch.add_argument("--nodes", default="1", metavar="N")
    batch.add_argument("--gpus", default="0", metavar="N", help="of each node; 0 for none")
    batch.add_argument("--cpus", default="8", metavar="N", help="of each node")
    batch.add_argument("--time-limit", default="24:00:00", metavar="LIMIT", help=f"as SLURM takes it: {GRAMMAR}")
    batch.add_argument("--partition")
    batch.add_argument("--account")
    batch.add_argument("--environment", default=".venv", help="virtual environment that every node sees")


def _batch(given: argparse.Namespace) -> str:
    return script(requested_batch(given))


def _told(processes: list[int]) -> str:
    return f"left: {len(processes)} processes were told to keep a checkpoint and go\n"


def _heeded(given: argparse.Namespace) -> str:
    heed(NOTICES[given.cloud])
    return "left after the cloud's notice\n"


def _rendered(given: argparse.Namespace) -> str:
    cluster = described(given)
    if found := mistakes_of(cluster, provider=given.provider):
        raise WrongRequest(found)
    return yaml.safe_dump(PROVIDERS[given.provider](cluster), sort_keys=False, width=160)


def described(given: argparse.Namespace) -> Cluster:
    """The description that the options give, with a cloud's defaults where they are silent."""
    common = {"name": given.name, "private_key": given.key, "shared": given.shared, "environment": given.environment}
    common |= {"idle_minutes": given.idle_minutes, "price_usd": given.price, "instance_profile": given.instance_profile}
    if given.provider == "local":
        addresses = tuple(address for address in [given.head, *given.workers.split(",")] if address)
        more = {"addresses": addresses, "cpus_per_node": given.cpus, "shared_source": given.shared_source}
        return Cluster(**common, **more, user=given.user or "ubuntu")
    cloud = CLOUDS[given.provider]
    return Cluster(
        **common,
        user=given.user or cloud.user,
        region=given.region or cloud.region,
        zones=tuple(given.zones.split(",")) if given.zones else cloud.zones,
        shared_source=given.shared_source or cloud.shared_source,
        project_id=given.project_id,
        machines=(cloud.head, *_workers(given, cloud.worker, cloud.gpus, cloud.price_usd)),
    )


def _workers(given: argparse.Namespace, instance: str, gpus: int, price_usd: float) -> tuple[Machine, Machine]:
    """Spot machines, and the same on demand for when there are none."""
    known = given.machine in (None, instance)
    kind = {"instance": given.machine or instance, "gpus": gpus if given.gpus is None else given.gpus, "max_workers": given.max_workers}
    kind["price_usd"] = given.price if given.price is not None or not known else price_usd
    spot = Machine("gpu_spot", spot=True, min_workers=given.min_workers, priority=1, **kind)
    return spot, Machine("gpu_on_demand", **kind)
