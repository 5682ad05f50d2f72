"""Nodes that come and go under a sweep: room for trials, cost, and code that must be the driver's."""

from types import SimpleNamespace

import pytest

from sweeps.runner.cluster.leaving import is_trial
from sweeps.runner.cluster.nodes import Node, compared
from sweeps.runner.cluster.watch import ClusterWatch
from sweeps.runner.endings import code_trouble, node_trouble
from trainable.spec.code_version import OtherCode, code_version, require_code
from trainable.spec.config import ResourcesConfig

HEAD, SPOT = Node("a", "head", 2.0, 0.0, 0.2), Node("b", "w1", 8.0, 4.0, 3.6)


class Seen:
    """A watch whose nodes and time the test sets."""

    def __init__(self, **resources: object) -> None:
        self.nodes, self.now = [HEAD, SPOT], 0.0
        self.watch = ClusterWatch(ResourcesConfig(**resources), lambda: list(self.nodes), lambda: self.now)  # type: ignore[arg-type]


def test_one_trial_more_than_fits_waits_and_room_follows_the_nodes() -> None:
    seen = Seen(gpus_per_trial=1)
    assert [seen.watch.has_room(n) for n in (0, 4, 5)] == [True, True, False]
    seen.nodes, seen.now = [HEAD, SPOT, SPOT], 5.0
    assert seen.watch.has_room(8)
    assert not seen.watch.has_room(9)


def test_a_given_number_is_the_limit_whether_it_fits_or_not() -> None:
    seen = Seen(gpus_per_trial=1, max_concurrent_trials=20)
    assert seen.watch.has_room(19)
    assert not seen.watch.has_room(20)


def test_each_node_is_paid_for_while_it_lives() -> None:
    seen = Seen()
    seen.watch.refresh()
    seen.now, seen.nodes = 1800.0, [HEAD]
    seen.watch.refresh()
    seen.now = 5400.0
    seen.watch.refresh()
    assert seen.watch.cost_usd == pytest.approx(0.5 * 3.8 + 1.0 * 0.2)


def test_the_screen_says_who_is_there_what_it_costs_and_what_waits() -> None:
    seen = Seen(gpus_per_trial=1)
    seen.nodes = [HEAD, SPOT, Node("c", "w2", 8.0, 4.0, None)]
    seen.watch.follow([SimpleNamespace(status="PENDING"), SimpleNamespace(status="RUNNING")])
    first, second = seen.watch.lines()
    assert "nodes 3 (head, w1, w2): 18 CPUs, 8 GPUs" in first
    assert "3.80 an hour, 1 of them without a price" in first
    assert second == "waiting for 1 CPUs and 1 GPUs: 1 trial"


def test_other_code_is_told_with_both_versions() -> None:
    here = {"commit": "a" * 40, "digest": "one", "python": "3.12.1"}
    told = compared(here, {"same": here, "w1": {**here, "commit": "b" * 40}, "w2": "No module named 'trainable'"})
    assert len(told) == 2
    assert "node w1 runs commit bbbbbbbbbbbb" in told[0]
    assert "this driver runs commit aaaaaaaaaaaa" in told[0]
    assert told[1] == "node w2 cannot load this project: No module named 'trainable'"


def test_a_trial_holds_its_machine_to_the_driver_s_code() -> None:
    require_code(None)
    require_code(code_version())
    with pytest.raises(OtherCode, match="sources 0123456789ab") as refused:
        require_code({**code_version(), "digest": "0123456789ab"})
    text = f"ray.exceptions.RayTaskError: ...\n  File x\ntrainable.spec.code_version.OtherCode: {refused.value}\n"
    assert code_trouble(text) == str(refused.value)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("ActorDiedError: ... The actor died because its node has died. Node Id: 0123", "its node was lost"),
        ("RayTaskError(Leaving): ...\ntrainable.trainer.Leaving: kept at step 7", "its node was given notice"),
        ("ActorDiedError: ... Worker unexpectedly exits with a connection error code 2. End of file.", None),
        ("RuntimeError: the node of the graph", None),
    ],
)
def test_a_lost_node_is_told_from_a_failed_trial(error: str, reason: str | None) -> None:
    assert node_trouble(error) == reason


def test_only_workers_with_something_to_do_are_told_to_leave() -> None:
    lines = [["ray::TransformerTrainable.train"], ["ray::IDLE"], ["ray::DashboardAgent"], ["python", "ray::x"], []]
    assert [is_trial(line) for line in lines] == [True, False, False, False, False]
