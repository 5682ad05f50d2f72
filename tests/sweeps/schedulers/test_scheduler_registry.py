"""What every scheduler promises, whatever its rule."""

import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from racing import BROKEN, EXAMPLES, LOSSES, TURNS, Replay, arrivals, race, tables

from sweeps.runner.schedulers.mistakes import scheduler_mistakes
from sweeps.runner.schedulers.registry import SCHEDULERS
from sweeps.runner.schedulers.rule import Action, Curve

STEPS = range(10, 91, 10)


@pytest.mark.parametrize("name", SCHEDULERS)
@EXAMPLES
@given(tables(STEPS, LOSSES | BROKEN, 8), TURNS)
def test_decides_each_level_once_in_order_and_stops_after_the_end(name, table, turns):
    replay = Replay(SCHEDULERS[name](), race(), table)
    levels = replay.rule.levels(replay.race)
    decided = replay.run(arrivals(table, turns))
    for trial in table:
        own = [(level, action) for at, level, action in decided if at == trial]
        assert [level for level, _ in own] == sorted({level for level, _ in own})
        assert all(level in levels and level < 90 for level, _ in own)
        assert Action.STOP not in [action for _, action in own[:-1]]


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_trial_that_is_alone_runs_to_its_end(name):
    replay = Replay(SCHEDULERS[name](), race(), {"t": dict.fromkeys(STEPS, 1.0)})
    assert {action for _, _, action in replay.run([("t", step) for step in STEPS])} <= {Action.CONTINUE}


def test_fifo_never_stops_not_even_nan():
    assert SCHEDULERS["fifo"]().decide("t", {"t": Curve(((10, float("nan")),))}, race()) == []
    assert SCHEDULERS["fifo"]().levels(race()) == []


def test_defaults_have_no_mistakes():
    assert list(scheduler_mistakes(race())) == []


def test_all_mistakes_are_named_at_once():
    wrong = race(
        name="ahsa",
        reduction_factor=1.0,
        brackets=0,
        promote=True,
        min_samples=0,
        grace_steps=90,
        perturbation_steps=0,
        quantile=0.6,
        perturb_factors=[0.8, 0],
    )
    assert list(scheduler_mistakes(wrong)) == [
        "unknown scheduler 'ahsa' (did you mean 'asha'?)",
        "scheduler.reduction_factor=1.0 must be above 1",
        "scheduler.brackets=0 must be at least 1",
        "scheduler.promote=true needs scheduler=asha or hyperband, but got scheduler=ahsa",
        "scheduler.min_samples=0 must be at least 1",
        "scheduler.grace_steps=90 must be below training.max_steps=90",
        "scheduler.perturbation_steps=0 must be at least 1",
        "scheduler.quantile=0.6 must lie in (0, 0.5]",
        "scheduler.perturb_factors=[0.8, 0] must be numbers above 0, and at least one",
    ]
    fixed = replace(race(name="hyperband", promote=True).settings)
    assert list(scheduler_mistakes(replace(wrong, settings=fixed))) == []


def test_schedulers_import_no_ray():
    probe = "import sys, sweeps.runner.schedulers.mistakes; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
