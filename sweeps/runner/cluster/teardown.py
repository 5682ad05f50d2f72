"""Ends a cluster: ``ray down``, and on machines that stay, what it leaves running on the workers."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from trainable.spec.mistakes import WrongRequest

# As the launcher itself connects: the machines of a cluster file are new to this one more often than not.
_SSH = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=10"]


def tear_down(path: Path) -> list[str]:
    """What was done, a line for each step; ends the process with 1 where a step failed, after all others were tried."""
    cluster = read_cluster(path)
    steps = {f"ray down {path}": [sys.executable, "-m", "ray.scripts.scripts", "down", "-y", str(path)]}
    steps |= {f"ray stop on {address}": words for address, words in worker_stops(cluster).items()}
    ended = {name: subprocess.run(words, stdin=subprocess.DEVNULL, check=False).returncode for name, words in steps.items()}
    failed = [name for name, code in ended.items() if code]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}; what runs there still has to be ended by hand")
    return [f"done: {name}" for name in ended]


def worker_stops(cluster: dict[str, Any]) -> dict[str, list[str]]:
    """Commands by address: `ray down` of given machines ends Ray on the head only. Machines of a cloud are gone with it."""
    provider, auth = cluster["provider"], cluster.get("auth", {})
    if provider["type"] != "local":
        return {}
    key = ["-i", str(Path(auth["ssh_private_key"]).expanduser())] if "ssh_private_key" in auth else []
    stop = "source ~/.sweeps_env; ray stop"
    return {address: ["ssh", *key, *_SSH, f"{auth['ssh_user']}@{address}", stop] for address in provider["worker_ips"]}


def read_cluster(path: Path) -> dict[str, Any]:
    """Raises `WrongRequest` for what is no cluster file."""
    try:
        cluster = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise WrongRequest([f"{path} cannot be read: {str(error).splitlines()[0]}"]) from error
    if not isinstance(cluster, dict) or not isinstance(cluster.get("provider"), dict):
        raise WrongRequest([f"{path} is no cluster file: it names no provider"])
    return cluster
