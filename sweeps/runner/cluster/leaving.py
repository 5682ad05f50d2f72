"""A node that is about to go: it takes no further trial, and its trials keep a checkpoint and move.

``python -m sweeps.cluster leave`` does it at once; ``... heed aws|gcp`` waits on the cloud's own notice for it.
"""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException

import psutil

_TRIAL_PROCESS = "ray::"
_NOT_TRIALS = ("ray::IDLE", "ray::DashboardAgent", "ray::RuntimeEnvAgent")
_POLL_SECONDS, _DEADLINE_SECONDS, _REQUEST_SECONDS = 5.0, 110, 2.0
_METADATA = "http://169.254.169.254"
# The service is the machine's own: a proxy of the cluster knows nothing of it.
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Notice:
    """Where a cloud says that a spot machine will be taken: `path` answers with something else than `silent` then."""

    path: str
    headers: dict[str, str]
    silent: tuple[str, ...] = ()
    token_path: str | None = None


NOTICES = {
    "aws": Notice("/latest/meta-data/spot/instance-action", {}, token_path="/latest/api/token"),
    "gcp": Notice("/computeMetadata/v1/instance/preempted", {"Metadata-Flavor": "Google"}, silent=("FALSE",)),
}


def heed(
    notice: Notice, *, metadata: str = _METADATA, poll_seconds: float = _POLL_SECONDS, leave: Callable[[], object] | None = None
) -> None:
    """Returns when the machine has been given notice and has left."""
    while not given(notice, metadata):
        time.sleep(poll_seconds)
    (leave or leave_cluster)()


def given(notice: Notice, metadata: str = _METADATA) -> bool:
    """Whether the cloud has said that this machine will be taken; no answer, or one that broke off, is none."""
    try:
        headers = dict(notice.headers)
        if notice.token_path:
            asked = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
            headers["X-aws-ec2-metadata-token"] = _fetch(metadata + notice.token_path, asked, "PUT")
        return _fetch(metadata + notice.path, headers, "GET") not in notice.silent
    except (OSError, HTTPException):
        return False


def leave_cluster() -> list[int]:
    """Tells Ray that this node is going and its trials' processes that they should; returns the processes that were told."""
    reason = ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "the machine was given notice"]
    drain = [sys.executable, "-m", "ray.scripts.scripts", "drain-node", *reason, "--deadline-remaining-seconds", str(_DEADLINE_SECONDS)]
    subprocess.run(drain, check=False, stdout=subprocess.DEVNULL)
    told = [process.pid for process in psutil.process_iter(["cmdline"]) if is_trial(process.info["cmdline"] or [])]
    for pid in told:
        os.kill(pid, signal.SIGTERM)
    return told


def is_trial(words: list[str]) -> bool:
    """Whether a command line is that of a Ray worker that has something to do."""
    return bool(words) and words[0].startswith(_TRIAL_PROCESS) and not words[0].startswith(_NOT_TRIALS)


def _fetch(url: str, headers: dict[str, str], method: str) -> str:
    request = urllib.request.Request(url, headers=headers, method=method)
    with _DIRECTLY.open(request, timeout=_REQUEST_SECONDS) as answer:
        text: str = answer.read().decode()
    return text.strip()
