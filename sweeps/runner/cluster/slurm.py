"""A batch script for SLURM: Ray on all nodes of an allocation, the sweep on the first; requeued, the same command goes on."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

_PORT = 6379
# Before the time limit, so that the driver writes its end down and the trials keep a checkpoint.
WARNING_SECONDS = 120
# How long the first node waits for the others' Rays, which read their Python from a shared file system.
_START_SECONDS = 300


@dataclass(frozen=True)
class Batch:
    """`gpus` and `cpus` are those of one node; `arguments` are the sweep's own, options and overrides."""

    sweep: str
    nodes: int
    gpus: int
    cpus: int
    time_limit: str = "24:00:00"
    partition: str | None = None
    account: str | None = None
    environment: str = ".venv"
    arguments: Sequence[str] = ()


def directives(batch: Batch) -> list[str]:
    """The options of sbatch, as they stand behind ``#SBATCH``."""
    optional = {"partition": batch.partition, "account": batch.account, "gpus-per-node": batch.gpus or None}
    return [
        f"--job-name={batch.sweep}",
        f"--nodes={batch.nodes}",
        "--ntasks-per-node=1",
        f"--cpus-per-task={batch.cpus}",
        *(f"--{name}={value}" for name, value in optional.items() if value is not None),
        f"--time={batch.time_limit}",
        "--exclusive",
        "--requeue",
        "--open-mode=append",
        f"--signal=B:USR1@{WARNING_SECONDS}",
        f"--output={batch.sweep}-%j.log",
    ]


def script(batch: Batch) -> str:
    """The whole script. Each job has a token of its own, in a file that only its owner reads."""
    command = shlex.join(["python", "-m", f"sweeps.{batch.sweep}", "--address", "auto", *batch.arguments])
    resources = f"--num-cpus={batch.cpus} --num-gpus={batch.gpus} --object-store-memory=200000000 --disable-usage-stats"
    lines = "\n".join(f"#SBATCH {directive}" for directive in directives(batch))
    return f"""#!/usr/bin/env bash
{lines}
# Start it with sbatch from the project's folder, which every node sees. Requeued after a lost node or at the time limit, the
# same command goes on where the ledger ends: nothing that was finished runs again.
set -euo pipefail
cd "$SLURM_SUBMIT_DIR"
source {shlex.quote(batch.environment)}/bin/activate
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH="$SLURM_SUBMIT_DIR/.ray-token-$SLURM_JOB_ID"
export SWEEP_EXIT_CODE="$SLURM_SUBMIT_DIR/.exit-code-$SLURM_JOB_ID" RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT={_START_SECONDS}
trap 'rm -f "$RAY_AUTH_TOKEN_PATH" "$SWEEP_EXIT_CODE"' EXIT
(umask 077 && python -c 'import secrets; print(secrets.token_hex(32), end="")' > "$RAY_AUTH_TOKEN_PATH")
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
address=$(getent ahostsv4 "$head" | awk '{{ print $1; exit }}')

# Shortly before the limit SLURM sends USR1 to this shell: the job asks to be queued again, and SLURM ends what runs. A cancelled
# job gets TERM and stays away.
trap 'scontrol requeue "$SLURM_JOB_ID"' USR1

srun --kill-on-bad-exit=1 ray symmetric-run --address "$address:{_PORT}" --min-nodes {batch.nodes} \\
  {resources} -- \\
  bash -c '"$@"; echo $? > "$SWEEP_EXIT_CODE"' sweep {command} &
step=$!
# With this shell SLURM ends what still runs on the nodes: left alone, their Rays would miss the head for a minute first.
while kill -0 "$step" 2> /dev/null && ! test -s "$SWEEP_EXIT_CODE"; do sleep 1; done
test -s "$SWEEP_EXIT_CODE" || {{ echo "the sweep did not come to its end: sbatch the same script again" >&2; exit 1; }}
exit "$(cat "$SWEEP_EXIT_CODE")"
"""
