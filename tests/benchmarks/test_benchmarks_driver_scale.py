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
    case: Any = DRIVER_SCALE.run(given("--cases", "6x3")).measured["6x3"]
    # The baseline is explored and confirmed beside the winner.
    assert (case["finished"], case["trials"]) == (True, 9)
    assert 9 <= case["evaluations"] <= 90
    assert case["ledger_bytes_per_evaluation"] > 100


def test_a_case_that_is_broken_off_says_so() -> None:
    case: Any = DRIVER_SCALE.run(given("--cases", "50x5", "--seconds", "0.01")).measured["50x5"]
    assert case["finished"] is False


def test_a_case_that_is_none_is_refused() -> None:
    with pytest.raises(WrongRequest, match="TRIALSxWORKERS"):
        DRIVER_SCALE.run(given("--cases", "10"))
