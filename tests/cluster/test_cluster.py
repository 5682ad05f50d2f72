"""The whole path on several hosts: ``ray up``, sweeps, faults, ``ray down``; the tests share one cluster and run in this order."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import faults
from tests.cluster.launched import NODES, LaunchedCluster
from tests.cluster.s3_host import start_s3
from tests.cluster.setting_up import launched, refusal
from tests.cluster.watched import StoredSweep, WatchedSweep
from tests.faults.outcome import difference, read_outcome

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[LaunchedCluster]:
    if reason := refusal():
        pytest.skip(reason)
    with launched() as made:
        yield made


@pytest.fixture(scope="module")
def undisturbed(cluster: LaunchedCluster) -> WatchedSweep:
    """The sweep without faults, and what it printed in its log."""
    sweep = WatchedSweep(cluster, "undisturbed")
    (cluster.lab.shared / "undisturbed.log").write_text(sweep.run())
    return sweep


def test_trials_run_on_every_host_and_are_seen_from_another(cluster: LaunchedCluster, undisturbed: WatchedSweep) -> None:
    found = [summary for _, summary in undisturbed.summaries()]
    commit = cluster.lab.run("laptop", "git -C transformer-sweeps rev-parse HEAD").stdout.strip()
    assert {summary["host"] for summary in found} == set(NODES)
    assert {(summary["status"], summary["commit"]) for summary in found} == {("completed", commit)}
    assert len(found) == 18
    assert any(verdict in undisturbed.log for verdict in ("CONFIRMED", "REFUTED", "UNDECIDED"))
    assert "Traceback" not in undisturbed.log
    seen = cluster.lab.run("w2", "cd ~/transformer-sweeps && python -m sweeps /mnt/shared/undisturbed").stdout
    assert f"lr_ablation-{undisturbed.hash}" in seen


def test_faults_lose_no_row_and_change_no_bit(cluster: LaunchedCluster, undisturbed: WatchedSweep) -> None:
    sweep = WatchedSweep(cluster, "disturbed")
    sweep.start()
    for fault in (faults.laptop_gone, faults.driver_killed, faults.notice_given, faults.network_cut):
        fault(cluster, sweep)
    sweep.await_end()
    found = difference(read_outcome(undisturbed.results), read_outcome(sweep.results))
    assert not found, found
    lost = {event["stop_reason"] for event in sweep.events("trial_ended") if event["status"] == "interrupted"}
    assert {"its node was given notice", "its node was lost"} & lost
    assert all(event["status"] in ("interrupted", "completed") for event in sweep.events("trial_ended"))


def test_runs_that_are_kept_at_s3_are_the_same_to_the_last_bit(cluster: LaunchedCluster, undisturbed: WatchedSweep) -> None:
    cluster.await_nodes(NODES)
    sweep = StoredSweep(cluster, "stored", start_s3(cluster.lab))
    sweep.start()
    for fault in (faults.storage_away, faults.machine_lost):
        fault(cluster, sweep)
    sweep.await_end()
    found = difference(read_outcome(undisturbed.results), read_outcome(sweep.results))
    assert not found, found
    assert {(event["status"], event["stop_reason"]) for event in sweep.events("trial_ended")} == {
        ("interrupted", "its node was lost"),
        ("completed", None),
    }
    assert not list(cluster.lab.shared.glob("stored/*"))


def test_a_node_with_other_code_is_refused_by_name(cluster: LaunchedCluster) -> None:
    cluster.await_nodes(NODES)
    changed = cluster.lab.hosts["w2"].home / "transformer-sweeps" / "trainable" / "spec" / "identity.py"
    before = changed.read_text()
    changed.write_text(before + "\n# another version\n")
    try:
        # A worker that has loaded the project before would answer with what it loaded.
        cluster.lab.run("w2", "pkill -KILL -f ^ray::IDLE || true")
        time.sleep(2)
        printed = WatchedSweep(cluster, "refused").run(check=False)
    finally:
        changed.write_text(before)
    assert "node w2 runs commit" in printed
    assert "but this driver runs commit" in printed
    assert "node w1" not in printed
    assert not list((cluster.lab.shared / "refused" / "runs").glob("*"))


def test_ray_answers_nobody_without_the_token(cluster: LaunchedCluster, tmp_path: Path) -> None:
    address = cluster.lab.hosts["head"].address
    join = f'python -c \'import ray; ray.init("{address}:6379", logging_level="error"); print(ray.nodes())\''
    for setting in ("RAY_AUTH_MODE=disabled", "RAY_AUTH_MODE=token RAY_AUTH_TOKEN=00000000-0000-0000-0000-000000000000"):
        stranger = cluster.lab.run("w1", f"export {setting}; timeout 60 {join}", check=False)
        assert stranger.returncode != 0
        assert "NodeID" not in stranger.stdout
    dashboard = cluster.lab.run("laptop", f"timeout 5 bash -c 'exec 3<>/dev/tcp/{address}/8265'", check=False)
    assert dashboard.returncode != 0


def test_down_leaves_nothing(cluster: LaunchedCluster) -> None:
    cluster.down()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and any(_of_ray(cluster, name) for name in NODES):
        time.sleep(1)
    assert [line for name in NODES for line in _of_ray(cluster, name)] == []


def _of_ray(cluster: LaunchedCluster, host: str) -> list[str]:
    return [line for line in cluster.lab.processes(host) if "/ray/" in line or line.startswith("ray::")]
