"""How long a storage that does not answer is asked again; the clock is the test's."""

import errno
from dataclasses import dataclass, field

import pytest

from trainable.spec.storage.patience import Patience, StorageUnreachable


@dataclass
class Clock:
    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def asked(clock: Clock, away_until: float, limit: float = 60.0) -> str:
    def question() -> str:
        if clock.now < away_until:
            raise OSError("connection refused\nand more")
        return "answer"

    return Patience(limit, clock=lambda: clock.now, sleep=clock.sleep).ask(question, "runs/a")


def test_an_outage_within_the_limit_is_waited_out_with_growing_pauses() -> None:
    clock = Clock()
    assert asked(clock, away_until=20.0) == "answer"
    assert clock.pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0]


def test_at_the_limit_it_is_given_up_and_said_why() -> None:
    clock = Clock()
    with pytest.raises(StorageUnreachable, match=r"^runs/a: given up after 60 s: connection refused$"):
        asked(clock, away_until=1e9)
    assert clock.now <= 60.0


@pytest.mark.parametrize("error", [FileNotFoundError("gone"), OSError(errno.ENOSPC, "No space left on device")])
def test_what_waiting_does_not_change_is_said_at_once(error: OSError) -> None:
    clock = Clock()

    def question() -> None:
        raise error

    with pytest.raises(OSError, match=str(error.args[-1])):
        Patience(60.0, clock=lambda: clock.now, sleep=clock.sleep).ask(question, "x")
    assert clock.pauses == []
