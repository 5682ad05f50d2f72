"""The batch script under a real SLURM on two hosts: to the verdict, and through a requeue and a cancelled job with nothing run twice."""

import re
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sweeps.runner.cluster.time_limit import limit_seconds
from tests.cluster.batch_system import BatchSystem, batch_system, missing_programs
from tests.cluster.setting_up import refusal
from tests.conftest import corpus_text
from tests.faults.outcome import difference, read_outcome
from trainable.spec.ledger import read_events

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
_OVERRIDES = [
    "model=micro",
    "data=text",
    "data.path=/mnt/shared/corpus.txt",
    "data.root=/mnt/shared/data",
    "data.vocab_size=300",
    "data.val_fraction=0.2",
    "data.test_fraction=0.2",
    "explore.enabled=false",
    "sweep.seeds=[1]",
    "schedule.warmup_steps=0",
    "training.max_steps=300",
    "training.batch_size=4",
    "training.eval_interval=50",
    "training.eval_batches=2",
    "training.test_batches=2",
    "training.num_threads=1",
    "tracking.wandb=off",
    "tracking.plots=false",
]
_TRIALS = 9
_HERE = """
import sys
from sweeps.lr_ablation import SWEEP
from tests.faults.without_ray import run_here
code, printed = run_here(SWEEP, sys.argv[1:])
print(printed)
sys.exit(code)
"""


@pytest.fixture(scope="module")
def slurm() -> Iterator[BatchSystem]:
    if reason := refusal():
        pytest.skip(reason)
    if missing := missing_programs():
        pytest.skip(f"needs the Debian packages {', '.join(missing)}")
    with batch_system() as made:
        (made.lab.shared / "corpus.txt").write_text(corpus_text(60))
        yield made


def render(slurm: BatchSystem, name: str, options: str = "") -> None:
    """Writes the batch script of a sweep whose results lie in the shared folder `name`."""
    given = f"--nodes 2 --cpus 1 --environment {sys.prefix} {options} --storage /mnt/shared/{name}"
    slurm.command(f"python -m sweeps.cluster slurm lr_ablation {given} {' '.join(_OVERRIDES)} > {name}.sbatch")


def leftovers(slurm: BatchSystem) -> list[str]:
    """Processes of Ray, and files that go with a job."""
    processes = [line for name in slurm.lab.names for line in slurm.lab.processes(name) if "ray" in line]
    return [*processes, *(path.name for path in slurm.project.glob(".*") if path.name.startswith((".ray-token", ".exit-code")))]


@pytest.fixture(scope="module")
def undisturbed(slurm: BatchSystem) -> Path:
    """Results of the same sweep without SLURM and Ray."""
    line = shlex.join(["python", "-c", _HERE, *_OVERRIDES, "experiment.results_dir=/mnt/shared/undisturbed"])
    slurm.command(line)
    return slurm.lab.shared / "undisturbed"


def events(results: Path, kind: str) -> list[Mapping[str, Any]]:
    found = list(results.glob("sweeps/*/ledger.jsonl"))
    return [event for event in read_events(found[0])[0] if event["event"] == kind] if found else []


def test_a_cancelled_job_stays_away(slurm: BatchSystem) -> None:
    render(slurm, "cancelled")
    job = slurm.submit("cancelled.sbatch")
    slurm.wait("Ray on the second host", lambda: any("raylet" in line for line in slurm.lab.processes("c2")), 60)
    slurm.command(f"scancel {job}")
    slurm.wait("idle nodes", slurm.is_idle, 40)
    assert slurm.state(job) == "CANCELLED"
    assert not leftovers(slurm)


def test_a_requeued_job_ends_as_an_undisturbed_sweep(slurm: BatchSystem, undisturbed: Path) -> None:
    results = slurm.lab.shared / "disturbed"
    render(slurm, "disturbed")
    job = slurm.submit("disturbed.sbatch")
    slurm.wait("a finished trial", lambda: bool(events(results, "trial_ended")), 90)
    slurm.command(f"scancel --batch --signal=USR1 {job}")  # what SLURM itself sends before the time limit
    slurm.wait("a job that is queued again", lambda: slurm.state(job) == "PENDING", 40)
    finished = {event["trial"] for event in events(results, "trial_ended") if event["status"] == "completed"}
    slurm.command(f"scontrol update JobId={job} StartTime=now")  # SLURM lets a requeued job wait two minutes
    slurm.wait("the end", lambda: slurm.state(job) not in ("PENDING", "RUNNING", "COMPLETING"), 120)
    assert slurm.state(job) == "COMPLETED"
    log = (slurm.project / f"lr_ablation-{job}.log").read_text()
    assert any(verdict in log for verdict in ("CONFIRMED", "REFUTED", "UNDECIDED"))
    started = Counter(event["trial"] for event in events(results, "trial_started"))
    assert len(started) == _TRIALS > len(finished)
    assert {started[trial] for trial in finished} == {1}
    found = difference(read_outcome(undisturbed), read_outcome(results))
    assert not found, found
    slurm.wait("idle nodes", slurm.is_idle, 40)
    assert not leftovers(slurm)


@pytest.mark.parametrize("text", ["7", "90:30", "1:30:00", "2-3", "2-3:15", "2-3:15:20"])
def test_a_time_limit_is_read_as_slurm_reads_it(slurm: BatchSystem, text: str) -> None:
    seconds = limit_seconds(text)
    assert seconds is not None
    job = slurm.submit("--wrap=true", f"--hold --time={text}")
    found = re.search(r"TimeLimit=(?:(\d+)-)?(\d+):(\d+):(\d+)", slurm.command(f"scontrol show job {job}"))
    assert found is not None
    days, hours, minutes, rest = (int(part or 0) for part in found.groups())
    assert ((days * 24 + hours) * 60 + minutes) * 60 + rest == -(-seconds // 60) * 60  # SLURM counts whole minutes


def test_slurm_takes_every_option(slurm: BatchSystem) -> None:
    render(slurm, "gpus", "--gpus 2 --partition gpu --account study --time-limit 1-0")
    assert "to start at" in slurm.command("sbatch --test-only gpus.sbatch")
