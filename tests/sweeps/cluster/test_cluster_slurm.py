"""The batch script: what it asks for is checked, a shell takes it, and it ends with the sweep's exit code."""

import subprocess
import sys
from pathlib import Path

import pytest

from sweeps.runner.cluster.command_line import main
from sweeps.runner.cluster.slurm import Batch, directives, script
from sweeps.runner.cluster.time_limit import limit_seconds
from trainable.spec.mistakes import EXIT_WRONG_REQUEST

BATCH = Batch("lr_ablation", nodes=2, gpus=8, cpus=16, partition="gpu", arguments=["sweep.seeds=[1,2]", "--storage", "/shared/my results"])


@pytest.mark.parametrize("code", [0, 2])
def test_a_shell_takes_the_script_and_gives_the_sweep_its_arguments(code: int, tmp_path: Path) -> None:
    """Run with programs of SLURM's and Ray's names that print what they are given; the real ones are in ``tests/cluster``."""
    entry = 'while [ "$1" != -- ]; do shift; done; shift; "$@"'
    for name, body in {
        "srun": 'shift; exec "$@"',
        "scontrol": "echo node1",
        "getent": "echo 10.0.0.1 STREAM node1",
        "ray": 'printf "%s\\n" "$@"; stat -c %a "$RAY_AUTH_TOKEN_PATH"; wc -c < "$RAY_AUTH_TOKEN_PATH"; ' + entry,
        "python": f'[ "$1" = -c ] && exec {sys.executable} "$@"; exit {code}',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "env" / "bin" / "activate").write_text("")
    (tmp_path / "job.sh").write_text(script(Batch(**{**vars(BATCH), "environment": "env"})))
    settings = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_JOB_ID": "7"}
    settings |= {"SLURM_SUBMIT_DIR": str(tmp_path), "SLURM_JOB_NODELIST": "node[1-2]"}
    done = subprocess.run(["bash", str(tmp_path / "job.sh")], env=settings, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    words = done.stdout.splitlines()
    assert words[:5] == ["symmetric-run", "--address", "10.0.0.1:6379", "--min-nodes", "2"]
    assert words[words.index("sweep") + 1 : -2] == ["python", "-m", "sweeps.lr_ablation", "--address", "auto", *BATCH.arguments]
    assert words[-2:] == ["600", "64"]
    assert not [*tmp_path.glob(".ray-token-*"), *tmp_path.glob(".exit-code-*")]


def test_the_job_is_requeued_and_told_before_its_limit() -> None:
    found = directives(BATCH)
    assert {"--nodes=2", "--gpus-per-node=8", "--cpus-per-task=16", "--ntasks-per-node=1", "--partition=gpu", "--requeue"} <= set(found)
    assert any(option.startswith("--signal=B:USR1@") for option in found)
    assert not any("gpus" in option for option in directives(Batch("lr_ablation", nodes=1, gpus=0, cpus=4)))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 1800),
        ("90:30", 5430),
        ("1:30:00", 5400),
        ("2-3", 183600),
        ("2-3:15", 184500),
        ("2-3:15:20", 184520),
        *((wrong, None) for wrong in ("", "1h", "-5", "1:2:3:4", "1-", "1-2:3:4:5", "1.5", " 30", "\u0663")),
    ],
)
def test_a_time_limit_follows_slurm_s_grammar(text: str, seconds: int | None) -> None:
    assert limit_seconds(text) == seconds


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (
            "--nodes two --gpus -1 --cpus 0 --time-limit 1h --partition a;b --account= --adress auto trainin.max_steps=3",
            ["--nodes two", "--gpus -1", "--cpus 0", "--time-limit 1h", "'a;b'", "--account ''", "'--adress'", "training.max_steps"],
        ),
        ("--time-limit 4", ["--time-limit 4: at least 5 minutes"]),
        ("--address auto", ["--address is the script's own"]),
        ("--nodes 2 --gpus 1 resources.gpus_per_trial=4", ["resources.gpus_per_trial=4 is more than --nodes 2 with --gpus 1 have"]),
        ("model=micro --fresh notify=nobody", ["notify", "stray argument"]),
    ],
)
def test_every_mistake_of_a_batch_is_told_before_it_waits(arguments: str, parts: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["slurm", "lr_ablation", *arguments.split()])
    told = capsys.readouterr().err
    assert left.value.code == EXIT_WRONG_REQUEST
    assert all(part in told for part in parts), told
