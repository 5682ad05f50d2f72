import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from racing import EXAMPLES, race

from sweeps.runner.schedulers.brackets import bracket_of, proportions
from sweeps.runner.schedulers.rule import Curve
from sweeps.runner.schedulers.rungs import cost_at, geometric_levels, value_at

NAN = math.nan


@pytest.mark.parametrize(
    ("max_steps", "eval_interval", "settings", "levels"),
    [
        (90, 10, {"grace_steps": 10}, [10, 30]),
        (81, 1, {"grace_steps": 1}, [1, 3, 9, 27]),
        (1000, 50, {"grace_steps": None}, [150, 350]),
        (1000, 1, {"grace_steps": None, "reduction_factor": 4.0}, [63, 250]),
        (400, 20, {"grace_steps": 40}, [40, 120, 360]),
        (100, 40, {"grace_steps": 3}, [40]),
        (100, 100, {"grace_steps": 3}, []),
        (100, 10, {"grace_steps": 100}, []),
        (100, 1, {"grace_steps": 8, "reduction_factor": 2.5}, [8, 20, 50]),
    ],
)
def test_rungs_are_grace_times_powers_of_eta_rounded_up_to_evaluations(max_steps, eval_interval, settings, levels):
    assert geometric_levels(race(max_steps, eval_interval, **settings)) == levels


@EXAMPLES
@given(st.integers(1, 5000), st.integers(1, 300), st.none() | st.integers(1, 6000), st.floats(1.5, 8))
def test_every_rung_is_an_evaluation_before_the_end_at_or_after_its_resource(max_steps, eval_interval, grace, eta):
    levels = geometric_levels(race(max_steps, eval_interval, grace_steps=grace, reduction_factor=eta))
    assert levels == sorted(set(levels))
    assert all(level % eval_interval == 0 and 0 < level < max_steps for level in levels)
    resources = [max(1e-9, (grace or max_steps / eta**2)) * eta**k for k in range(len(levels) + 30)]
    assert all(any(resource - 1e-6 <= level < resource + eval_interval + 1e-6 for resource in resources) for level in levels)


@pytest.mark.parametrize("settings", [{"reduction_factor": 1.0}, {"grace_steps": 0}])
def test_rungs_that_would_never_end_are_refused(settings):
    with pytest.raises(ValueError, match="must hold, but got"):
        geometric_levels(race(**settings))


@pytest.mark.parametrize(
    ("points", "value"),
    [
        ((), None),
        (((40, 1.0),), None),
        (((10, 3.0), (30, 2.0)), 2.0),
        (((10, 3.0), (29, 2.5), (31, 0.1)), 2.5),
        (((10, 3.0), (30, None)), 3.0),
        (((10, None), (30, None), (40, 1.0)), None),
    ],
)
def test_value_at_a_level_is_the_last_measured_by_then(points, value):
    assert value_at(Curve(points), 30) == value


def test_only_living_finite_trials_that_came_as_far_hold_a_rung():
    curves = {
        "good": Curve(((10, 2.0), (30, 1.0))),
        "behind": Curve(((10, 0.5),)),
        "dead": Curve(((10, 0.5), (30, 0.5)), alive=False),
        "nan": Curve(((10, 0.5), (30, NAN))),
        "nan later": Curve(((10, 0.5), (30, 0.5), (60, NAN))),
        "inf": Curve(((10, math.inf), (30, 0.5))),
        "unmeasured": Curve(((10, None), (30, None))),
        "measured late": Curve(((31, 0.5),)),
        "stopped": Curve(((10, 2.0), (30, 1.5)), ended=True),
    }
    for setting, sign in ((race(), 1.0), (race(higher_is_better=True), -1.0)):
        held = {name: cost_at(curve, 30, setting) for name, curve in curves.items()}
        assert {name: cost for name, cost in held.items() if cost is not None} == {"good": sign * 1.0, "stopped": sign * 1.5}


def test_bracket_proportions_are_hyperbands():
    """Li et al. 2018, Table 1 (R = 81, eta = 3), by the formula of Algorithm 1."""
    levels = [1, 3, 9, 27]
    assert proportions([levels[first:] for first in range(5)], 3.0) == [81, 34, 15, 8, 5]


def test_trials_are_spread_over_brackets_in_proportion_and_by_name_alone():
    brackets, names = [[1, 3, 9], [3, 9], [9], []], [f"trial{i}" for i in range(4000)]
    chosen = [bracket_of(name, brackets, race()) for name in names]
    weights = proportions(brackets, 3.0)
    for number, weight in enumerate(weights):
        p = weight / sum(weights)
        # Five standard deviations of a binomial count.
        assert abs(chosen.count(number) - 4000 * p) < 5 * math.sqrt(4000 * p * (1 - p))
    assert chosen == [bracket_of(name, brackets, race()) for name in names]
    assert chosen != [bracket_of(name, brackets, race(seed=1)) for name in names]
