"""Workers that give no sign, on a clock that the test sets; no Ray is started."""

from types import SimpleNamespace
from typing import Any

import pytest

from sweeps.runner import vigil
from sweeps.runner.endings import RayLost
from sweeps.runner.vigil import MARGIN_SECONDS, Vigil

TIMEOUT = 10.0
LIMIT = TIMEOUT + MARGIN_SECONDS


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(vigil, "time", found)
    monkeypatch.setattr(vigil, "_own_node_lives", lambda: True)
    return found


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr("ray.kill", found.append)
    return found


def trial(name: str, status: str = "RUNNING") -> Any:
    return SimpleNamespace(trial_id=name, status=status, temporary_state=SimpleNamespace(ray_actor=f"actor of {name}"))


def watching(failure: Exception | None = None) -> Vigil:
    return Vigil(TIMEOUT, lambda: failure)


def test_a_worker_from_which_nothing_is_heard_is_killed_and_no_other(clock: Clock, killed: list[str]) -> None:
    trials = [trial("silent"), trial("speaks"), trial("waits", "PENDING")]
    seen = watching()
    for clock.now in (3.0, LIMIT / 2, LIMIT):
        seen.follow(trials)
        seen.heard(trials[1])
    assert killed == []
    clock.now = 3.0 + LIMIT + 1.0
    seen.follow(trials)
    assert killed == ["actor of silent"]


def test_a_trial_is_waited_for_from_its_start(clock: Clock, killed: list[str]) -> None:
    """Its actor may have been at work on others for a long time before."""
    seen = watching()
    for clock.now in (LIMIT, 2 * LIMIT):
        seen.follow([trial("late", "PENDING")])
    for clock.now in (2 * LIMIT + 3.0, 3 * LIMIT):
        seen.follow([trial("late")])
    assert killed == []


def test_a_failure_and_a_lost_node_end_the_loop(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        watching(ZeroDivisionError()).follow([])
    monkeypatch.setattr(vigil, "_own_node_lives", lambda: False)
    seen = watching()
    clock.now = 3.0
    with pytest.raises(RayLost):
        seen.follow([])
