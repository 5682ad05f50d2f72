"""The batch script: a shell takes it, its directives are SLURM's, and a requeued job runs the same command."""

import shutil
import subprocess
from pathlib import Path

import pytest

from sweeps.runner.cluster.slurm import Batch, directives, script

BATCH = Batch("lr_ablation", nodes=2, gpus=8, cpus=16, partition="gpu", arguments=["sweep.seeds=[1,2]", "--storage", "/shared/my results"])


def test_a_shell_takes_the_script_and_gives_the_sweep_its_arguments(tmp_path: Path) -> None:
    """Run with programs of SLURM's and Ray's names that print what they are given."""
    for name, body in {
        "srun": 'shift; exec "$@"',
        "scontrol": "echo node1",
        "getent": "echo 10.0.0.1 STREAM node1",
        "ray": 'printf "%s\\n" "$@"; stat -c %a "$RAY_AUTH_TOKEN_PATH"; wc -c < "$RAY_AUTH_TOKEN_PATH"',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "env" / "bin" / "activate").write_text("")
    (tmp_path / "job.sh").write_text(script(Batch(**{**vars(BATCH), "environment": "env"})))
    settings = {"PATH": f"{tmp_path}:{Path(shutil.which('python3') or '').parent}:/usr/bin:/bin", "SLURM_JOB_ID": "7"}
    settings |= {"SLURM_SUBMIT_DIR": str(tmp_path), "SLURM_JOB_NODELIST": "node[1-2]"}
    if shutil.which("python", path=settings["PATH"]) is None:
        (tmp_path / "python").symlink_to(shutil.which("python3") or "")
    done = subprocess.run(["bash", str(tmp_path / "job.sh")], env=settings, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    words = done.stdout.splitlines()
    assert words[:5] == ["symmetric-run", "--address", "10.0.0.1:6379", "--min-nodes", "2"]
    assert words[words.index("--") + 1 : -2] == ["python", "-m", "sweeps.lr_ablation", "--address", "auto", *BATCH.arguments]
    assert words[-2:] == ["600", "64"]
    assert not list(tmp_path.glob(".ray-token-*"))


def test_the_job_is_requeued_and_told_before_its_limit() -> None:
    found = directives(BATCH)
    assert {"--nodes=2", "--gpus-per-node=8", "--cpus-per-task=16", "--ntasks-per-node=1", "--partition=gpu", "--requeue"} <= set(found)
    assert any(option.startswith("--signal=B:TERM@") for option in found)
    assert not any("gpus" in option for option in directives(Batch("lr_ablation", nodes=1, gpus=0, cpus=4)))


@pytest.mark.skipif(shutil.which("sbatch") is None, reason="no sbatch here")
def test_sbatch_takes_the_directives(tmp_path: Path) -> None:
    (tmp_path / "job.sh").write_text(script(BATCH))
    done = subprocess.run(["sbatch", "--test-only", str(tmp_path / "job.sh")], capture_output=True, text=True, timeout=60, check=False)
    assert "nrecognized" not in done.stderr
    assert "nvalid option" not in done.stderr
