"""The simulated driver carries whole sweeps, and says so when it is broken off."""

import argparse
from typing import Any

import pytest

from benchmarks.driver_scale import DRIVER_SCALE
from trainable.spec.mistakes import WrongRequest


def given(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    DRIVER_SCALE.arguments(parser)
    return parser.parse_args(arguments)


def test_every_trial_is_started_and_every_evaluation_is_in_the_ledger() -> None:
    outcome: Any = DRIVER_SCALE.run(given("--cases", "6x3", "12x3:median:optuna-tpe"))
    case = outcome.measured["6x3"]
    # The baseline is explored and confirmed beside the winner.
    assert (case["finished"], case["trials"]) == (True, 9)
    assert 9 <= case["evaluations"] <= 90
    assert case["ledger_bytes_per_evaluation"] > 100
    assert (outcome.measured["12x3:median:optuna-tpe"]["finished"], outcome.measured["12x3:median:optuna-tpe"]["trials"]) == (True, 15)
    assert list(outcome.ratios) == [
        "asha, random: CPU time of an evaluation, 6x3",
        "median, optuna-tpe: CPU time of an evaluation, 12x3:median:optuna-tpe",
    ]
    assert all(ratio.value is not None for ratio in outcome.ratios.values())


def test_a_case_that_is_broken_off_says_so_and_the_largest_is_compared_with_the_smallest() -> None:
    outcome: Any = DRIVER_SCALE.run(given("--cases", "50x5", "40x5", "--seconds", "0.01"))
    assert outcome.measured["50x5"]["finished"] is False
    assert outcome.ratios["asha, random: evaluations per CPU second, 50x5"].against == "40x5"


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("10", "TRIALSxWORKERS"),
        ("10x2:asha:random:more", "TRIALSxWORKERS"),
        ("10x2:ashha", "unknown scheduler 'ashha'"),
        ("10x2:asha:tpe", "unknown searcher 'tpe'"),
    ],
)
def test_a_case_that_is_none_is_refused(case: str, told: str) -> None:
    with pytest.raises(WrongRequest, match=told):
        DRIVER_SCALE.run(given("--cases", case))
