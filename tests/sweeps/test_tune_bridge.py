"""What Ray Tune is answered, without a running Ray."""

from types import SimpleNamespace
from typing import Any

import pytest

from sweeps.runner.tune_bridge import Following, Guard, LedgerScheduler

NOBODY: Any = None


def test_the_trial_that_was_added_last_is_chosen_once() -> None:
    """It takes the actor that is free; asked again, Tune would take the trial's own from it."""
    scheduler = LedgerScheduler(Guard(NOBODY))
    assert scheduler.choose_trial_to_run(None) is None
    for trial in ("first", "second"):
        scheduler.on_trial_add(None, trial)
    assert scheduler.choose_trial_to_run(None) == "second"
    assert scheduler.choose_trial_to_run(None) is None


def test_all_trials_that_there_ever_were_are_not_looked_through() -> None:
    """Tune's own scheduler does so in every turn, which ten thousand trials make slow."""

    class NoTrials:
        def get_trials(self) -> list[object]:
            raise AssertionError

    assert LedgerScheduler(Guard(NOBODY)).choose_trial_to_run(NoTrials()) is None


def test_a_trial_that_waits_for_room_is_not_overtaken() -> None:
    scheduler = LedgerScheduler(Guard(NOBODY), each_has_room=False)
    scheduler.on_trial_add(None, "newest")
    assert scheduler.choose_trial_to_run(None) is None


class Controller:
    """Of Tune, with three trials of which one has ended."""

    def get_live_trials(self) -> set[str]:
        return {"second", "third"}


def test_who_follows_is_told_of_every_turn_and_every_result() -> None:
    turns: list[Any] = []
    results: list[Any] = []
    conductor: Any = SimpleNamespace(on_result=lambda name, evaluation: False)
    scheduler = LedgerScheduler(Guard(conductor), following=Following([turns.append], [results.append]))
    scheduler.choose_trial_to_run(Controller())
    scheduler.choose_trial_to_run(Controller())
    assert turns == [{"second", "third"}] * 2
    trial = SimpleNamespace(config={"trial": "second"})
    scheduler.on_trial_result(Controller(), trial, {"evaluation": "{}"})
    assert results == [trial]


def test_what_a_follower_raises_reaches_tune_and_ends_its_loop() -> None:
    def fail(trials: object) -> None:
        raise RuntimeError("the node is gone")

    with pytest.raises(RuntimeError, match="the node is gone"):
        LedgerScheduler(Guard(NOBODY), following=Following([fail])).choose_trial_to_run(Controller())
