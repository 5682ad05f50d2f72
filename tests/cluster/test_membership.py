"""Who belongs to a cluster: a stranger gets nothing of it, a machine that joins gets trials, one that is given notice leaves."""

import json
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.launched import LaunchedCluster
from tests.cluster.outside import outside
from tests.cluster.setting_up import launched, refusal
from tests.cluster.watched import WatchedSweep

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(600)]
SPARE = "spare"
_STRANGER = str(Path(__file__).with_name("stranger.py"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[LaunchedCluster]:
    if reason := refusal():
        pytest.skip(reason)
    with launched("--cpus 1 --price 0.5", [SPARE]) as made:
        yield made


def ports(cluster: LaunchedCluster, host: str) -> list[str]:
    """Those that somebody listens on, but for SSH."""
    lines = cluster.lab.run(host, "ss -Hltn", root=True).stdout.splitlines()
    return sorted({line.split()[3].rpartition(":")[2] for line in lines} - {"22"}, key=int)


def is_refusal(http: str) -> bool:
    """Ray's metrics ask for no token: numbers, and nothing that could be run."""
    return http.split()[0] in ("401", "403", "404") or http.startswith(("200 # HELP", "200 # TYPE"))


def refused(found: dict[str, Any]) -> None:
    """No procedure, and no page but metrics, answered on any port; and Ray was there to refuse."""
    outcomes = {outcome for port in found.values() if port for outcome in port["grpc"]}
    assert outcomes <= {"UNAUTHENTICATED", "UNIMPLEMENTED", "UNAVAILABLE"}
    assert sum(port["grpc"].get("UNAUTHENTICATED", 0) for port in found.values() if port) > 30
    pages = [page for port in found.values() if port for page in port["http"].values()]
    assert all(is_refusal(page) for page in pages), pages


@pytest.mark.parametrize("host", ["head", "w1"])
def test_a_stranger_gets_nothing_from_any_port(cluster: LaunchedCluster, host: str) -> None:
    address, listening = cluster.lab.hosts[host].address, ports(cluster, host)
    with outside(cluster.lab) as stranger:
        found = json.loads(stranger.run([sys.executable, _STRANGER, address, *listening, "8265"]))
    assert found["8265"] is None
    refused(found)
    if host == "head":
        assert {found["6379"]["grpc"]["UNAUTHENTICATED"] > 30, found["10001"]["grpc"]["UNAUTHENTICATED"] > 10} == {True}


def test_a_host_of_the_network_without_the_token_is_refused_too(cluster: LaunchedCluster) -> None:
    head, listening = cluster.lab.hosts["head"], ports(cluster, "head")
    probe = f"RAY_AUTH_MODE=disabled HOME=/nonexistent {sys.executable} - {head.address} {' '.join(listening)} < /mnt/shared/stranger.py"
    (cluster.lab.shared / "stranger.py").write_text(Path(_STRANGER).read_text())
    refused(json.loads(cluster.lab.run(SPARE, probe).stdout))


@pytest.mark.skipif(find_spec("aiohttp") is None, reason="the job server comes with the extra `cluster`")
def test_a_job_outlives_the_laptop_that_submitted_it(cluster: LaunchedCluster) -> None:
    sweep = WatchedSweep(cluster, "job")
    entry = sweep.command.replace("sweep.seeds=[1,2]", "sweep.seeds=[1]").replace("training.max_steps=600", "training.max_steps=120")
    printed = cluster.on_head(f"ray job submit --submission-id job --no-wait -- {entry}")
    assert "submitted successfully" in printed
    cluster.lab.power_off("laptop")
    told = lambda: cluster.lab.run("head", "ray job status job 2>&1").stdout.lower()  # noqa: E731
    sweep.wait("the job's end", lambda: "succeeded" in told() or "failed" in told(), 120)
    assert "succeeded" in told(), cluster.lab.run("head", "ray job logs job 2>&1").stdout
    assert len(list(sweep.summaries())) == 9
    stranger = cluster.lab.run("head", "RAY_AUTH_MODE=disabled timeout 60 ray job submit -- echo stranger", check=False)
    assert stranger.returncode != 0
    assert "stranger\n" not in stranger.stdout
    cluster.lab.power_on("laptop")


def test_a_machine_joins_and_another_is_given_notice(cluster: LaunchedCluster) -> None:
    sweep = WatchedSweep(cluster, "elastic")
    lab, head = cluster.lab, cluster.lab.hosts["head"].address
    lab.run("w1", "ip addr add 169.254.169.254/32 dev lo", root=True)
    lab.run("w1", "cd ~/transformer-sweeps && " + _detached("python -m sweeps.cluster heed aws"))
    service = f"cd /home/ray/transformer-sweeps && {_detached(f'{sys.executable} -m tests.sweeps.cluster.metadata_service /tmp/notice')}"
    lab.run("w1", service, root=True)
    sweep.start()
    sweep.await_trial_on("w1")
    cluster.on_laptop(f"rsync -a -e 'ssh -i ~/lab_key -o StrictHostKeyChecking=no' ~/transformer-sweeps ~/.ray {SPARE}:")
    settings = f"export PATH={sys.prefix}/bin:$PATH PYTHONPATH=$HOME/transformer-sweeps RAY_AUTH_MODE=token"
    options = "--num-cpus=1 --object-store-memory=200000000 --labels=price-per-hour-usd=0.5 --disable-usage-stats"
    lab.run(SPARE, f"{settings}; ray start --address={head}:6379 {options}")
    sweep.await_trial_on(SPARE)
    lab.run("w1", "touch /tmp/notice")
    sweep.wait("w1's leaving", lambda: "left" in lab.run("w1", "cat /tmp/detached.log").stdout, 30)
    begun = {event["trial"] for event in sweep.events("trial_started")}
    sweep.await_end()
    hosts = {summary["trial"]: summary["host"] for _, summary in sweep.summaries()}
    assert len(hosts) == 18
    assert SPARE in hosts.values()
    assert "w1" not in {host for trial, host in hosts.items() if trial not in begun}
    assert {event["status"] for event in sweep.events("trial_ended")} <= {"completed", "interrupted"}
    assert "nodes 3 (head, w1, w2): 3 CPUs, 0 GPUs" in sweep.log
    assert "nodes 4 (head, spare, w1, w2): 4 CPUs, 0 GPUs" in sweep.log
    assert "2.00 an hour" in sweep.log


def _detached(command: str) -> str:
    return f"(setsid nohup {command} > /tmp/detached.log 2>&1 < /dev/null &)"
