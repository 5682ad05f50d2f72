"""A host that is no member of a lab: on a network of its own, from which a router leads to the lab's."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.cluster.lab import Lab

_NETWORK = "10.78.0"


class Outside:
    """It has nothing of the lab's hosts but a way to them: no firewall stands between, so that what is refused is refused by the hosts."""

    def __init__(self, lab: Lab) -> None:
        self.namespace = f"{lab.label}-outside"
        switch = ["-n", lab.switch]
        here = ["-n", self.namespace]
        _ip("netns", "add", self.namespace)
        _ip(*switch, "link", "add", "v-outside", "type", "veth", "peer", "name", "eth0", "netns", self.namespace)
        _ip(*switch, "addr", "add", f"{_NETWORK}.1/24", "dev", "v-outside")
        _ip(*switch, "link", "set", "v-outside", "up")
        _ip("netns", "exec", lab.switch, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        _ip(*here, "link", "set", "lo", "up")
        _ip(*here, "addr", "add", f"{_NETWORK}.10/24", "dev", "eth0")
        _ip(*here, "link", "set", "eth0", "up")
        _ip(*here, "route", "add", "default", "via", f"{_NETWORK}.1")

    def run(self, words: Sequence[str]) -> str:
        """What a program prints there, which finds no token at home."""
        settings = ["env", "-i", "HOME=/nonexistent", "PATH=/usr/bin:/bin", "RAY_AUTH_MODE=disabled"]
        entering = ["ip", "netns", "exec", self.namespace, *settings, *words]
        return subprocess.run(entering, capture_output=True, text=True, check=True, timeout=120).stdout


@contextmanager
def outside(lab: Lab) -> Iterator[Outside]:
    """Of the lab, and gone afterwards."""
    made = Outside(lab)
    try:
        yield made
    finally:
        _ip("netns", "delete", made.namespace)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
