"""A lab with the project on its laptop and, after `up`, a Ray cluster on its other hosts, started as the docs say."""

import json
import shutil
import sys
import time
from collections.abc import Sequence

from tests.cluster.checkout import NAME, put_checkout
from tests.cluster.lab import Lab
from tests.cluster.s3_host import S3, give_keys

NODES = ("head", "w1", "w2")
HOSTS = ("laptop", *NODES, S3)
_PROJECT = f"~/{NAME}"
# The launcher keeps what runs where in $RAY_TMPDIR; in /tmp it would be gone with the laptop's power.
_LAUNCHER = f"cd {_PROJECT} && export PATH={sys.prefix}/bin:$PATH RAY_TMPDIR=$HOME/.launcher RAY_AUTH_MODE=token"
_NODES = """
import json, ray
ray.init(address="auto", logging_level="error", log_to_driver=False)
print(json.dumps({n["NodeManagerHostname"]: n["Alive"] for n in sorted(ray.nodes(), key=lambda n: n["Alive"])}))
"""


class LaunchedCluster:
    """`up` is ``ray up`` on the laptop, `down` our own ending, `on_head` is ``ray exec``."""

    def __init__(self, lab: Lab, options: str = "--cpus 1", spare: Sequence[str] = ()) -> None:
        """`spare` hosts are no part of it."""
        self.lab = lab
        shutil.copy(lab.key, lab.hosts["laptop"].home / "lab_key")
        put_checkout(lab.hosts["laptop"].home)
        give_keys(lab)
        addresses = {name: lab.hosts[name].address for name in NODES}
        workers = ",".join(addresses[name] for name in NODES[1:])
        given = f"--provider local --head {addresses['head']} --workers {workers} --user ray --key ~/lab_key --environment {sys.prefix}"
        self.on_laptop("ray get-auth-token --generate > /dev/null 2>&1")
        self.on_laptop(f"python -m sweeps.cluster render {given} {options} > ~/lab.yaml")

    def on_laptop(self, command: str, *, check: bool = True, timeout: float = 240) -> str:
        done = self.lab.run("laptop", f"{_LAUNCHER} && {command}", check=check, timeout=timeout)
        return done.stdout + done.stderr

    def up(self, more: str = "") -> str:
        return self.on_laptop(f"ray up -y {more} ~/lab.yaml < /dev/null 2>&1")

    def down(self) -> str:
        return self.on_laptop("python -m sweeps.cluster down ~/lab.yaml 2>&1")

    def on_head(self, command: str, *, check: bool = True, timeout: float = 240) -> str:
        """A command line in the project's folder on the head, started from the laptop."""
        return self.on_laptop(f"ray exec ~/lab.yaml 'cd {_PROJECT} && {command}' < /dev/null 2>&1", check=check, timeout=timeout)

    def nodes(self) -> dict[str, bool]:
        """Every host that Ray has seen, and whether it lives; empty while there is no Ray."""
        done = self.lab.run("head", f"python -c '{_NODES}' 2>/dev/null", check=False)
        found: dict[str, bool] = json.loads(done.stdout) if done.returncode == 0 else {}
        return found

    def await_nodes(self, names: Sequence[str], *, alive: bool = True, patience_seconds: float = 90) -> None:
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            found = self.nodes()
            if all(found.get(name) is alive for name in names):
                return
            time.sleep(0.5)
        raise RuntimeError(f"{names} are not {'alive' if alive else 'dead'}: {self.nodes()}")
