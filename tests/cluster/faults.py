"""What can befall a cluster in the middle of a sweep: one function for each; when it returns, the sweep is on its way again."""

import time
from collections.abc import Callable

from tests.cluster.launched import LaunchedCluster
from tests.cluster.s3_host import S3
from tests.cluster.watched import WatchedSweep

_CUT_SECONDS, _DARK_SECONDS, _AWAY_SECONDS = 30, 15, 20


def machine_lost(cluster: LaunchedCluster, sweep: WatchedSweep) -> None:
    """A worker's power goes in mid-trial, and comes back."""
    trial = sweep.await_trial_on("w1")
    attempt = sweep.attempt(trial)
    cluster.lab.power_off("w1")
    sweep.await_moved(trial, attempt)
    cluster.lab.power_on("w1")


def network_cut(cluster: LaunchedCluster, sweep: WatchedSweep) -> None:
    trial = sweep.await_trial_on("w2")
    attempt, begin = sweep.attempt(trial), time.monotonic()
    cluster.lab.cut("w2")
    time.sleep(_CUT_SECONDS - (time.monotonic() - begin))
    cluster.lab.heal("w2")
    sweep.await_moved(trial, attempt)


def notice_given(cluster: LaunchedCluster, sweep: WatchedSweep) -> None:
    """The machine's own notice service says that it will go, then it goes: the trial has kept the very step it was at."""
    trial = sweep.await_trial_on("w1")
    attempt = sweep.attempt(trial)
    cluster.lab.run("w1", "cd ~/transformer-sweeps && python -m sweeps.cluster leave")
    ended = sweep.wait("the trial's leaving", lambda: sweep.events("trial_ended", trial), 60)[-1]
    if ended["status"] == "interrupted":
        assert ended["stop_reason"] == "its node was given notice", ended
        sweep.await_moved(trial, attempt)
    cluster.lab.power_off("w1")
    cluster.lab.power_on("w1")


def shut_down(cluster: LaunchedCluster, sweep: WatchedSweep) -> None:
    """SIGTERM to all processes at once, as the machine's own shutdown does it, then gone."""
    trial = sweep.await_trial_on("w1")
    attempt = sweep.attempt(trial)
    cluster.lab.notice("w1")
    time.sleep(5)
    cluster.lab.power_off("w1")
    sweep.await_moved(trial, attempt)
    cluster.lab.power_on("w1")


def driver_killed(cluster: LaunchedCluster, sweep: WatchedSweep) -> None:
    """The same command goes on."""
    sweep.await_trial_on("head")
    sweep.kill()
    sweep.start()


def laptop_gone(cluster: LaunchedCluster, sweep: WatchedSweep) -> None:
    cluster.lab.power_off("laptop")
    before = len(sweep.events("evaluated"))
    sweep.wait("evaluations without the laptop", lambda: len(sweep.events("evaluated")) > before, 120)
    cluster.lab.power_on("laptop")


def head_lost(cluster: LaunchedCluster, sweep: WatchedSweep) -> None:
    """All of Ray goes with it: ``ray up`` and the same command go on."""
    sweep.await_trial_on("w1")
    cluster.lab.power_off("head")
    time.sleep(_DARK_SECONDS)
    cluster.lab.power_on("head")
    cluster.up()
    cluster.await_nodes(["head", "w1", "w2"])
    sweep.start()


def storage_away(cluster: LaunchedCluster, sweep: WatchedSweep) -> None:
    """Nobody reaches the storage for a while: trials go on."""
    sweep.await_trial_on("w1")
    begin, before = time.monotonic(), len(sweep.events("evaluated"))
    cluster.lab.cut(S3)
    sweep.wait("evaluations without the storage", lambda: len(sweep.events("evaluated")) > before + 2, 60)
    time.sleep(max(0.0, _AWAY_SECONDS - (time.monotonic() - begin)))
    cluster.lab.heal(S3)


FAULTS: dict[str, Callable[[LaunchedCluster, WatchedSweep], None]] = {
    "machine_lost": machine_lost,
    "network_cut": network_cut,
    "notice_given": notice_given,
    "shut_down": shut_down,
    "driver_killed": driver_killed,
    "laptop_gone": laptop_gone,
    "head_lost": head_lost,
}
# Those of a sweep whose runs are kept at a storage.
STORED_FAULTS = {"storage_away": storage_away, **FAULTS}
