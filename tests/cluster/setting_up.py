"""Whether this machine can hold a lab, and the Debian packages that it needs."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.lab import Lab
from tests.cluster.launched import HOSTS, NODES, LaunchedCluster

# What a program comes in.
_PACKAGES = {"ip": "iproute2", "/usr/sbin/sshd": "openssh-server", "rsync": "rsync", "nsenter": "util-linux", "pkill": "procps"}

# What a host is made of: not every container may do it, even as root.
_TRIED = """
mkdir upper work merged
mount -t overlay overlay -o lowerdir=/etc,upperdir=upper,workdir=work merged
ip link add br0 type bridge
ip link add one type veth peer name other
"""


def refusal() -> str | None:
    """Why there can be no lab here; None when there can. Installs missing packages."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "a lab of several hosts needs Linux and root"
    missing = sorted({package for program, package in _PACKAGES.items() if shutil.which(program) is None})
    if missing and not _installed(missing):
        return f"the packages {', '.join(missing)} are missing and could not be installed"
    tried = ["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "sh", "-ec", _TRIED]
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        done = subprocess.run(tried, cwd=folder, capture_output=True, text=True, check=False)
    return f"this machine makes no namespaces: {done.stderr.strip()}" if done.returncode else None


@contextmanager
def launched(options: str = "--cpus 1", spare: Sequence[str] = ()) -> Iterator[LaunchedCluster]:
    """A cluster on a lab of its own, up and with all its nodes; nothing is left of either. `spare` hosts are there and no part of it."""
    seen_everywhere = sorted({sys.prefix, sys.base_prefix} - {"/usr"})
    with Lab(Path(tempfile.mkdtemp(prefix="lab-")), (*HOSTS, *spare), seen_everywhere) as lab:
        cluster = LaunchedCluster(lab, options, spare)
        cluster.up()
        cluster.await_nodes(NODES)
        yield cluster


def _installed(packages: list[str]) -> bool:
    if shutil.which("apt-get") is None:
        return False
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    settings = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (install, ["apt-get", "update", "-qq"], install):
        done = subprocess.run(words, capture_output=True, env=settings, check=False)
        if words is install and done.returncode == 0:
            return True
    return False
