"""A SLURM on a lab's hosts: Debian's slurmctld on the first, slurmd on all, munge between them, the project on their shared folder."""

import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.checkout import NAME, put_checkout
from tests.cluster.lab import Lab

HOSTS = ("c1", "c2")
PROJECT = f"/mnt/shared/{NAME}"
_PROGRAMS = {"slurmctld": "slurmctld", "slurmd": "slurmd", "sbatch": "slurm-client", "munged": "munge"}
# No accounting, and no control groups, which a machine may not lend: a job's processes are found by their group, and those that have left
# it are ended by the epilog, as SLURM's own example of one does it.
_SETTINGS = """\
ClusterName=lab
SlurmctldHost={head}
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=/var/lib/lab-slurmctld
SlurmdSpoolDir=/var/lib/lab-slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=/var/log/lab-slurmctld.log
SlurmdLogFile=/var/log/lab-slurmd.log
ProctrackType=proctrack/pgid
Epilog=/mnt/shared/epilog
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=1,sched_interval=2
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=2
KillWait=15
GresTypes=gpu
NodeName={nodes} CPUs=2 CoresPerSocket=2 RealMemory=1000 Gres=gpu:2 State=UNKNOWN
PartitionName=gpu Nodes={nodes} Default=YES MaxTime=INFINITE State=UP
"""


def missing_programs() -> list[str]:
    """Debian packages of a SLURM that this machine does not have."""
    paths = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return sorted({package for program, package in _PROGRAMS.items() if shutil.which(program, path=paths) is None})


class BatchSystem:
    """`lab` with a SLURM on all its hosts; its user submits from the first one."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.head = lab, lab.names[0]
        put_checkout(lab.shared)
        lab.shared.chmod(0o1777)
        nodes = ",".join(lab.names)
        (lab.shared / "slurm.conf").write_text(_SETTINGS.format(head=self.head, nodes=nodes))
        (lab.shared / "gres.conf").write_text("Name=gpu File=/dev/zero\nName=gpu File=/dev/full\n")  # devices that all hosts have
        (lab.shared / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")  # none is used, but slurmd would look for one
        (lab.shared / "epilog").write_text("#!/bin/bash\npkill -KILL -u $SLURM_JOB_USER\nexit 0\n")
        (lab.shared / "epilog").chmod(0o755)
        lab.run(self.head, "head -c 1024 /dev/urandom > /mnt/shared/munge.key && chmod 600 /mnt/shared/munge.key", root=True)
        for name in lab.names:
            lab.run(name, _prepare(), root=True)
        lab.run(self.head, "slurmctld", root=True)
        for name in lab.names:
            lab.run(name, "slurmd", root=True)
        self.wait("idle nodes", self.is_idle, 60)

    @property
    def project(self) -> Path:
        """The project's folder, seen from outside."""
        return self.lab.shared / NAME

    def command(self, line: str, *, check: bool = True) -> str:
        """Of the user, in the project's folder on the first host."""
        done = self.lab.run(self.head, f"cd {PROJECT} && export PATH={sys.prefix}/bin:$PATH && {line}", check=check)
        return done.stdout + done.stderr

    def submit(self, script: str, options: str = "") -> str:
        """Of a file on the shared folder; the job's number."""
        found = re.search(r"Submitted batch job (\d+)", self.command(f"sbatch {options} {script}"))
        assert found is not None
        return found[1]

    def is_idle(self) -> bool:
        return self.command("sinfo -h -o %T%D").split() == [f"idle{len(self.lab.names)}"]

    def state(self, job: str) -> str:
        """SLURM's word for it, such as RUNNING or COMPLETED."""
        found = re.search(r"JobState=(\w+)", self.command(f"scontrol show job {job}", check=False))
        return found[1] if found else "unknown"

    def wait(self, what: str, look: Callable[[], bool], patience_seconds: float) -> None:
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            if look():
                return
            time.sleep(0.2)
        raise RuntimeError(f"waited in vain for {what}\n{self.command('sinfo; squeue', check=False)}\n{self._log()}")

    def _log(self) -> str:
        return self.lab.run(self.head, "tail -n 20 /var/log/lab-slurm*.log", root=True, check=False).stdout


@contextmanager
def batch_system() -> Iterator[BatchSystem]:
    """On a lab of its own; nothing is left of either."""
    seen_everywhere = sorted({sys.prefix, sys.base_prefix} - {"/usr"})
    with Lab(Path(tempfile.mkdtemp(prefix="lab-")), HOSTS, seen_everywhere) as lab:
        yield BatchSystem(lab)


def _prepare() -> str:
    return " && ".join(
        [
            "mkdir -p /etc/slurm /run/munge /var/lib/munge /var/log/munge /var/lib/lab-slurmctld /var/lib/lab-slurmd",
            "cp /mnt/shared/{slurm,gres,cgroup}.conf /etc/slurm/",
            "install -m 400 /mnt/shared/munge.key /etc/lab-munge.key",
            "chown root: /run/munge /var/lib/munge /var/log/munge && chmod 755 /run/munge",
            "munged --key-file=/etc/lab-munge.key --log-file=/var/log/munge/lab.log --num-threads=2",
        ]
    )
