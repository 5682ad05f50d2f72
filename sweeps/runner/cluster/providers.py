"""Cluster files of ``ray up``, one function for each provider: pure, from the description to what stands in the YAML."""

from collections.abc import Callable
from functools import partial
from typing import Any

from sweeps.runner.cluster.description import PRICE_LABEL, PROJECT, TOKEN, CloudDefaults, Cluster, Machine
from sweeps.runner.cluster.node_commands import (
    head_start_commands,
    initialization_commands,
    price_option,
    setup_commands,
    worker_start_commands,
)

_DISK_GB = 200
# The autoscaler's second version, the default of `ray up`, takes a given head for an idle node and ends it after 10 s (Ray 2.60).
_FIRST_AUTOSCALER = "RAY_enable_autoscaler_v2=0"
_GOOGLE_IMAGE = "projects/deeplearning-platform-release/global/images/family/common-cu128-ubuntu-2204-nvidia-570"


def aws(cluster: Cluster) -> dict[str, Any]:
    """Amazon EC2. Ray makes a security group in which only SSH is open to the outside, and a key pair."""
    provider = {
        "type": "aws",
        "region": cluster.region,
        "availability_zone": ",".join(cluster.zones),
        "cache_stopped_nodes": False,
    }
    return _cloud(cluster, provider, partial(_ec2_instance, profile=cluster.instance_profile))


def gcp(cluster: Cluster) -> dict[str, Any]:
    """Google Compute Engine."""
    provider = {
        "type": "gcp",
        "region": cluster.region,
        "availability_zone": cluster.zones[0],
        "project_id": cluster.project_id,
        "cache_stopped_nodes": False,
    }
    return _cloud(cluster, provider, _gce_instance)


def local(cluster: Cluster) -> dict[str, Any]:
    """Machines that are there: the first address is the head, which trains as well."""
    head, *workers = cluster.addresses
    price = price_option(cluster.price_usd)
    return {
        "cluster_name": cluster.name,
        "provider": {"type": "local", "head_ip": head, "worker_ips": workers},
        **_shared_part(cluster),
        "head_start_ray_commands": head_start_commands(cluster, more=price, environment=_FIRST_AUTOSCALER),
        "worker_start_ray_commands": worker_start_commands(cluster, more=price),
    }


PROVIDERS: dict[str, Callable[[Cluster], dict[str, Any]]] = {"aws": aws, "gcp": gcp, "local": local}

CLOUDS: dict[str, CloudDefaults] = {
    "aws": CloudDefaults(
        user="ubuntu",
        region="us-east-1",
        zones=("us-east-1a", "us-east-1b", "us-east-1c"),
        shared_source="fs-0123456789abcdef0.efs.us-east-1.amazonaws.com:/",
        head=Machine("head", "m5.xlarge", price_usd=0.192),
        worker="g5.xlarge",
        gpus=1,
        price_usd=1.006,
    ),
    "gcp": CloudDefaults(
        user="ubuntu",
        region="us-central1",
        zones=("us-central1-a",),
        shared_source="10.0.0.2:/sweeps",
        head=Machine("head", "n2-standard-4", price_usd=0.1942),
        worker="g2-standard-4",
        gpus=1,
        price_usd=0.7068,
    ),
}


def _cloud(cluster: Cluster, provider: dict[str, Any], instance: Callable[[Machine], dict[str, Any]]) -> dict[str, Any]:
    return {
        "cluster_name": cluster.name,
        "max_workers": max((machine.max_workers for machine in cluster.workers), default=0),
        "upscaling_speed": 4.0,
        "idle_timeout_minutes": cluster.idle_minutes,
        "provider": provider,
        "head_node_type": cluster.head.name,
        "available_node_types": {
            # No trial runs on the head: it would end with the sweep's driver beside it.
            cluster.head.name: _node_type(cluster.head, instance, {"resources": {"CPU": 0, "GPU": 0}}),
            **{machine.name: _node_type(machine, instance, _scaled(machine)) for machine in cluster.workers},
        },
        **_shared_part(cluster),
        "head_start_ray_commands": head_start_commands(cluster),
        "worker_start_ray_commands": worker_start_commands(cluster, cloud=provider["type"]),
    }


def _shared_part(cluster: Cluster) -> dict[str, Any]:
    key = {"ssh_private_key": cluster.private_key} if cluster.private_key else {}
    return {
        "auth": {"ssh_user": cluster.user, **key},
        "file_mounts": {PROJECT: ".", TOKEN: TOKEN},
        "rsync_exclude": [".venv", "/data", "/results", "**/__pycache__"],
        "rsync_filter": [".gitignore"],
        "initialization_commands": initialization_commands(cluster),
        "setup_commands": setup_commands(cluster),
    }


def _node_type(machine: Machine, instance: Callable[[Machine], dict[str, Any]], more: dict[str, Any]) -> dict[str, Any]:
    labels = {} if machine.price_usd is None else {"labels": {PRICE_LABEL: f"{machine.price_usd:g}"}}
    return {"node_config": instance(machine), **more, **labels}


def _scaled(machine: Machine) -> dict[str, Any]:
    bounds = {"min_workers": machine.min_workers, "max_workers": machine.max_workers, "priority": machine.priority}
    return {**bounds, "resources": {"GPU": machine.gpus} if machine.gpus else {}}


def _ec2_instance(machine: Machine, profile: str | None) -> dict[str, Any]:
    disk = {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": _DISK_GB, "VolumeType": "gp3"}}
    market = {"InstanceMarketOptions": {"MarketType": "spot"}} if machine.spot else {}
    # The head has one that Ray makes.
    role = {"IamInstanceProfile": {"Name": profile}} if profile and machine.max_workers else {}
    return {"InstanceType": machine.instance, **market, **role, "BlockDeviceMappings": [disk]}


def _gce_instance(machine: Machine) -> dict[str, Any]:
    disk = {"boot": True, "autoDelete": True, "type": "PERSISTENT"}
    disk |= {"initializeParams": {"diskSizeGb": _DISK_GB, "sourceImage": _GOOGLE_IMAGE}}
    scheduling = {"provisioningModel": "SPOT", "instanceTerminationAction": "DELETE"} if machine.spot else {}
    if machine.gpus:
        scheduling["onHostMaintenance"] = "TERMINATE"
    return {"machineType": machine.instance, "disks": [disk], **({"scheduling": scheduling} if scheduling else {})}
