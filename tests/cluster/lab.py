"""Several hosts on one machine: each has its own network, processes, disk, memory files and sshd, so that a real ``ray up`` runs on them.

A host is a set of Linux namespaces whose first process is its sshd. The switch between them lives in a network namespace
of its own: the machine's own network is not touched, and several labs never meet.
"""

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.boot import USER, USER_ID

_NETWORK = "10.77.0"
_BOOT = Path(__file__).with_name("boot.py")
_FIRST_ADDRESS = 10
_NUMBERS = itertools.count()


@dataclass
class Host:
    name: str
    address: str
    disk: Path
    unshare: subprocess.Popen[bytes] | None = None
    pid: int | None = None

    @property
    def home(self) -> Path:
        """Its user's home, seen from outside."""
        return self.disk / "home" / USER


@dataclass
class Lab:
    """Use as a context manager: whatever happens, nothing of it is left."""

    folder: Path
    names: Sequence[str]
    read_only: Sequence[str] = ()
    shared_memory_mb: int = 512
    hosts: dict[str, Host] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.label = f"lab{os.getpid()}-{next(_NUMBERS)}"  # a process may hold several
        self.switch = f"{self.label}-switch"
        self.shared = self.folder / "shared"
        self._started: list[subprocess.Popen[bytes]] = []
        self.key = self.folder / "key"

    def __enter__(self) -> "Lab":
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(
        self, host: str, command: str, *, root: bool = False, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Runs a line of bash on a host, as its user, with what a login there has."""
        words = self._entering(host, command, root=root)
        done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout, check=False)
        if check and done.returncode:
            raise RuntimeError(f"on {host}: {command}\nended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def start(self, host: str, command: str, log: Path) -> None:
        """The same in the background, until the lab is closed."""
        with open(log, "wb") as file:
            process = subprocess.Popen(
                self._entering(host, command), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )
        self._started.append(process)

    def power_off(self, name: str) -> None:
        """The cable first, then every process: its peers hear nothing of it."""
        self.cut(name)
        self._end(self.hosts[name])

    def power_on(self, name: str) -> None:
        self.heal(name)
        self._boot(self.hosts[name])

    def cut(self, name: str) -> None:
        _ip("-n", self.switch, "link", "set", f"v-{name}", "down")

    def heal(self, name: str) -> None:
        _ip("-n", self.switch, "link", "set", f"v-{name}", "up")

    def notice(self, name: str) -> None:
        """SIGTERM to every process but sshd: what a spot machine's own shutdown does before it is gone."""
        self.run(name, "for p in /proc/[0-9]*; do p=${p#/proc/}; [ $p = 1 ] || [ $p = $$ ] || kill -TERM $p; done", root=True, check=False)

    def processes(self, name: str) -> list[str]:
        """Command lines on a host, without those of its sshd."""
        host = self.hosts[name]
        if host.pid is None:
            return []
        lines = self.run(name, "ps -eo args --no-headers", root=True).stdout.splitlines()
        return [line for line in lines if "sshd" not in line and "ps -eo" not in line]

    def close(self) -> None:
        for host in self.hosts.values():
            if host.pid is not None:
                os.kill(host.pid, signal.SIGKILL)
        for host in self.hosts.values():
            self._end(host)
        for process in self._started:
            process.kill()
            process.wait(60)
        for name in [*(self._namespace(name) for name in self.hosts), self.switch]:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _build(self) -> None:
        _forget_the_dead()
        self.shared.mkdir(parents=True)
        self.shared.chmod(0o1777)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True)
        _ip("netns", "add", self.switch)
        _ip("-n", self.switch, "link", "add", "br0", "type", "bridge", "forward_delay", "0", "stp_state", "0")
        _ip("-n", self.switch, "addr", "add", f"{_NETWORK}.1/24", "dev", "br0")
        _ip("-n", self.switch, "link", "set", "br0", "up")
        for number, name in enumerate(self.names):
            self.hosts[name] = Host(name, f"{_NETWORK}.{_FIRST_ADDRESS + number}", self.folder / name)
        for host in self.hosts.values():
            self._plug(host)
            self._boot(host)

    def _plug(self, host: Host) -> None:
        namespace = self._namespace(host.name)
        _ip("netns", "add", namespace)
        _ip("-n", self.switch, "link", "add", f"v-{host.name}", "type", "veth", "peer", "name", "eth0", "netns", namespace)
        _ip("-n", self.switch, "link", "set", f"v-{host.name}", "master", "br0", "up")
        _ip("-n", namespace, "link", "set", "lo", "up")
        _ip("-n", namespace, "addr", "add", f"{host.address}/24", "dev", "eth0")
        _ip("-n", namespace, "link", "set", "eth0", "up")
        # Ray finds its own address by opening a socket to one far away, which needs a route there.
        _ip("-n", namespace, "route", "add", "default", "via", f"{_NETWORK}.1")

    def _boot(self, host: Host) -> None:
        host.disk.mkdir(parents=True, exist_ok=True)
        described = {
            "name": host.name,
            "disk": str(host.disk),
            "hosts": {other.name: other.address for other in self.hosts.values()},
            "key": str(self.key),
            "read_only": list(self.read_only),
            "shared": {"/mnt/shared": str(self.shared)},
            "shared_memory_mb": self.shared_memory_mb,
        }
        unshared = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child=SIGKILL"]
        # The hosts go with this process, however it ends.
        words = [
            "setpriv",
            "--pdeathsig",
            "KILL",
            "ip",
            "netns",
            "exec",
            self._namespace(host.name),
            *unshared,
            sys.executable,
            str(_BOOT),
            json.dumps(described),
        ]
        with open(host.disk / "console.log", "ab") as log:
            host.unshare = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self._await_sshd(host)

    def _await_sshd(self, host: Host) -> None:
        assert host.unshare is not None
        children = Path(f"/proc/{host.unshare.pid}/task/{host.unshare.pid}/children")
        knock = ["ip", "netns", "exec", self._namespace(host.name), "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/22"]
        for _ in range(200):
            time.sleep(0.05)
            if host.unshare.poll() is not None:
                break
            found = children.read_text().split()
            if found and subprocess.run(knock, capture_output=True, check=False).returncode == 0:
                host.pid = int(found[0])
                return
        raise RuntimeError(f"{host.name} did not boot: {(host.disk / 'console.log').read_text()[-2000:]}")

    def _end(self, host: Host) -> None:
        """SIGKILL to the first process of the namespace; the kernel ends all others."""
        if host.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(host.pid, signal.SIGKILL)
        if host.unshare is not None:
            host.unshare.kill()
            host.unshare.wait(60)
        host.unshare, host.pid = None, None

    def _entering(self, name: str, command: str, *, root: bool = False) -> list[str]:
        host = self.hosts[name]
        if host.pid is None:
            raise RuntimeError(f"{name} is switched off")
        user, home, number = ("root", "/root", 0) if root else (USER, f"/home/{USER}", USER_ID)
        settings: Mapping[str, str] = {"HOME": home, "USER": user, "LOGNAME": user, "SHELL": "/bin/bash", "LANG": "C.UTF-8", "TERM": "dumb"}
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        into = ["nsenter", "-t", str(host.pid), "-m", "-n", "-p", "-u", "-i", "-r", "-w", "--", "env", "-i", path]
        identity = ["setpriv", "--reuid", str(number), "--regid", str(number), "--clear-groups", "--pdeathsig", "KILL"]
        script = f"cd; [ -f ~/.profile ] && . ~/.profile; {command}"
        return [*into, *(f"{key}={value}" for key, value in settings.items()), *identity, "bash", "-c", script]

    def _namespace(self, name: str) -> str:
        return f"{self.label}-{name}"


def _forget_the_dead() -> None:
    """Removes the networks of labs whose process was killed before it could."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False).stdout.split()
    for name in listed:
        owner = re.match(r"lab(\d+)-", name)
        if owner and not Path("/proc", owner[1]).exists():
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
