"""What Ray Tune is answered, without a running Ray."""

from sweeps.runner.tune_bridge import Guard, LedgerScheduler


def test_the_trial_that_was_added_last_is_chosen_once() -> None:
    """It takes the actor that is free; asked again, Tune would take the trial's own from it."""
    scheduler = LedgerScheduler(Guard(conductor=None))
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

    assert LedgerScheduler(Guard(conductor=None)).choose_trial_to_run(NoTrials()) is None


def test_a_trial_that_waits_for_room_is_not_overtaken() -> None:
    scheduler = LedgerScheduler(Guard(conductor=None), each_has_room=False)
    scheduler.on_trial_add(None, "newest")
    assert scheduler.choose_trial_to_run(None) is None
