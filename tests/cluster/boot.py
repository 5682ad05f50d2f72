"""What a host of the lab does when it is switched on: lays out its disk, and becomes its own sshd.

Run as the first process of fresh mount, PID, UTS and IPC namespaces, with one argument: the host's description as JSON.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

USER, USER_ID = "ray", 2077
_SSHD = """\
Port 22
HostKey /etc/ssh/hostkey
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
MaxStartups 50:30:100
"""


def main() -> None:
    host: dict[str, Any] = json.loads(sys.argv[1])
    disk, root = Path(host["disk"]), Path(host["disk"]) / "root"
    socket.sethostname(host["name"])
    _lay_out(disk, root)
    _devices(root, host["shared_memory_mb"])
    for path in host["read_only"]:
        _bind(path, root / path.lstrip("/"), read_only=True)
    for path, source in host["shared"].items():
        _bind(source, root / path.lstrip("/"))
    _identify(root, host)
    _user(root, host)
    os.chdir("/")
    os.execve(shutil.which("chroot") or "chroot", ["chroot", str(root), "/usr/sbin/sshd", "-D", "-e"], _environment())


def _lay_out(disk: Path, root: Path) -> None:
    """The machine's programs, with a writable layer of the host's own that outlives a power cut; /tmp does not."""
    root.mkdir(parents=True, exist_ok=True)
    _mount("tmpfs", root, "-t", "tmpfs", "-o", "mode=755,size=16m")
    for name in ("proc", "sys", "dev", "tmp", "home", "root", "run", "mnt", "usr", "etc", "var", "opt"):
        (root / name).mkdir()
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        if Path("/", name).is_symlink():
            (root / name).symlink_to(Path("/", name).readlink())
        elif Path("/", name).is_dir():
            _bind(f"/{name}", root / name)
    for name in ("usr", "etc", "var", "opt"):
        layer, work = disk / "disk" / name, disk / "work" / name
        layer.mkdir(parents=True, exist_ok=True)
        work.mkdir(parents=True, exist_ok=True)
        _mount("overlay", root / name, "-t", "overlay", "-o", f"lowerdir=/{name},upperdir={layer},workdir={work}")
    (disk / "home").mkdir(exist_ok=True)
    shutil.rmtree(disk / "tmp", ignore_errors=True)
    (disk / "tmp").mkdir()
    (disk / "tmp").chmod(0o1777)
    _bind(str(disk / "home"), root / "home")
    _bind(str(disk / "tmp"), root / "tmp")
    _mount("run", root / "run", "-t", "tmpfs", "-o", "mode=755,size=16m")
    (root / "run" / "sshd").mkdir()


def _devices(root: Path, shared_memory_mb: int) -> None:
    _mount("proc", root / "proc", "-t", "proc")
    _bind("/sys", root / "sys")
    dev = root / "dev"
    _mount("dev", dev, "-t", "tmpfs", "-o", "mode=755,size=1m")
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        (dev / name).touch()
        _mount(f"/dev/{name}", dev / name, "--bind")
    (dev / "pts").mkdir()
    (dev / "shm").mkdir()
    _mount("devpts", dev / "pts", "-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620,gid=5")
    _mount("shm", dev / "shm", "-t", "tmpfs", "-o", f"mode=1777,size={shared_memory_mb}m")
    streams = {name: f"/proc/self/fd/{number}" for number, name in enumerate(("stdin", "stdout", "stderr"))}
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", **streams}
    for name, target in links.items():
        (dev / name).symlink_to(target)


def _identify(root: Path, host: dict[str, Any]) -> None:
    etc = root / "etc"
    (etc / "hostname").write_text(host["name"] + "\n")
    (etc / "hosts").write_text("127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in host["hosts"].items()))
    (etc / "resolv.conf").unlink(missing_ok=True)
    (etc / "resolv.conf").write_text("")
    for profile in (etc / "profile.d").glob("*"):
        profile.unlink()
    (etc / "ssh" / "sshd_config").write_text(_SSHD)
    key = etc / "ssh" / "hostkey"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)


def _user(root: Path, host: dict[str, Any]) -> None:
    """A person who may log in with the lab's key; no PATH to Ray: `setup_commands` must see to that, as on a real machine."""
    home = root / "home" / USER
    passwd = root / "etc" / "passwd"
    if f"\n{USER}:" not in passwd.read_text():
        with open(passwd, "a") as file:
            file.write(f"{USER}:x:{USER_ID}:{USER_ID}::/home/{USER}:/bin/bash\n")
        with open(root / "etc" / "group", "a") as file:
            file.write(f"{USER}:x:{USER_ID}:\n")
        with open(root / "etc" / "shadow", "a") as file:
            file.write(f"{USER}:*:19000:0:99999:7:::\n")
    if home.exists():
        return
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    shutil.copy(host["key"] + ".pub", home / ".ssh" / "authorized_keys")
    (home / ".profile").write_text("[ -f ~/.bashrc ] && . ~/.bashrc\n")
    (home / ".bashrc").write_text(f"# host {host['name']}\n")
    for path in [home, *home.rglob("*")]:
        os.chown(path, USER_ID, USER_ID)


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


def _bind(source: str, target: Path, *, read_only: bool = False) -> None:
    target.mkdir(parents=True, exist_ok=True)
    _mount(source, target, "--rbind")
    if read_only:
        _mount(source, target, "-o", "remount,bind,ro")


def _mount(source: str, target: Path, *options: str) -> None:
    subprocess.run(["mount", *options, source, str(target)], check=True)


if __name__ == "__main__":
    main()
