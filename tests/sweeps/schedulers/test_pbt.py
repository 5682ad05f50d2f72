import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from racing import EXAMPLES, LOSSES, race

from sweeps.runner.schedulers.pbt import PopulationBased
from sweeps.runner.schedulers.rule import Action, Curve, Decision

CONTINUE, EXPLOIT, STOP = Action.CONTINUE, Action.EXPLOIT, Action.STOP
VALUES = {"optimizer.lr": 0.1, "optimizer.weight_decay": 0.01, "optimizer": "adamw", "schedule.warmup_steps": 20}


def population(losses, step=30, **values):
    return {f"t{i:02d}": Curve(((step, loss),), values={**VALUES, **values}) for i, loss in enumerate(losses)}


def decide(trial, curves, **settings):
    (decision,) = PopulationBased().decide(trial, curves, race(perturbation_steps=30, **settings))
    return decision


@EXAMPLES
@given(st.lists(LOSSES, min_size=1, max_size=20), st.sampled_from([0.1, 0.2, 0.25, 0.5]))
def test_the_worst_quantile_copies_the_best(losses, quantile):
    curves = population(losses)
    order = sorted(curves, key=lambda name: (curves[name].points[0][1], name))
    size = min(math.ceil(round(len(order) * quantile, 9)), len(order) // 2)
    worst = set(order[len(order) - size :])
    for name in curves:
        decision = decide(name, curves, quantile=quantile)
        assert decision.action == (EXPLOIT if name in worst else CONTINUE)
        assert (decision.source in order[:size]) == (name in worst)


@EXAMPLES
@given(st.integers(0, 50), st.integers(0, 10))
def test_values_are_the_sources_times_a_factor(seed, trial_number):
    curves = population([float(i) for i in range(12)])
    curves["t00"] = Curve(curves["t00"].points, values={**VALUES, "optimizer.lr": 0.5})
    decision = decide("t11", curves, seed=seed)
    source = curves[decision.source].values
    assert decision.new_values["optimizer.lr"] in [source["optimizer.lr"] * factor for factor in (0.8, 1.25)]
    assert decision.new_values["optimizer.weight_decay"] in [0.01 * 0.8, 0.01 * 1.25]
    untouched = {key: value for key, value in decision.new_values.items() if key not in ("optimizer.lr", "optimizer.weight_decay")}
    assert untouched == {"optimizer": "adamw", "schedule.warmup_steps": 20}
    assert decide("t11", curves, seed=seed) == decision


def test_choices_are_seeded_and_spread():
    curves = population([float(i) for i in range(12)])
    decisions = [decide("t11", curves, seed=seed) for seed in range(300)]
    sources = Counter(decision.source for decision in decisions)
    assert set(sources) == {"t00", "t01", "t02"}
    assert min(sources.values()) > 60
    rates = Counter(decision.new_values["optimizer.lr"] > 0.1 for decision in decisions)
    assert min(rates.values()) > 100


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("optimizer", "adamw", ["adamw"]),
        ("model.tied", True, [True]),
        ("missing", None, [None]),
        ("schedule.warmup_steps", 20, [16, 25]),
        ("schedule.warmup_steps", 1, [1]),
        ("optimizer.weight_decay", 0.0, [0.0]),
    ],
)
def test_only_swept_numbers_are_perturbed(key, value, allowed):
    curves = population([0.0, 1.0], **({} if key == "missing" else {key: value}))
    decision = decide("t01", curves, perturb_keys=[key])
    assert decision.new_values.get(key) in allowed
    assert type(decision.new_values.get(key)) is type(value)


def test_only_living_finite_trials_at_the_level_take_part():
    curves = population([3.0, 2.0, 1.0])
    curves["dead"] = Curve(((30, 0.0),), alive=False)
    curves["nan"] = Curve(((30, math.nan),))
    curves["behind"] = Curve(((20, 0.0),))
    curves["unmeasured"] = Curve(((30, None),))
    assert decide("t00", curves).source == "t02"
    assert decide("nan", curves) == Decision(STOP, 30)
    assert decide("unmeasured", curves) == Decision(CONTINUE, 30)
    assert PopulationBased().decide("dead", curves, race(perturbation_steps=30)) == []
    assert PopulationBased().decide("behind", curves, race(perturbation_steps=30)) == []


def test_higher_is_better_turns_the_population_round():
    assert decide("t00", population([1.0, 2.0]), higher_is_better=True).source == "t01"


def test_a_level_passed_over_is_decided_and_does_not_exploit():
    curves = {"slow": Curve(((30, 9.0), (60, 9.0)), values=VALUES), "best": Curve(((30, 1.0), (60, 1.0)), values=VALUES)}
    decisions = PopulationBased().decide("slow", curves, race(perturbation_steps=30))
    assert [(d.level, d.action) for d in decisions] == [(30, CONTINUE), (60, EXPLOIT)]
    decided = Curve(curves["slow"].points, decided={30: CONTINUE, 60: EXPLOIT}, values=VALUES)
    assert PopulationBased().decide("slow", {**curves, "slow": decided}, race(perturbation_steps=30)) == []


@pytest.mark.parametrize(
    ("max_steps", "every", "levels"), [(90, 30, [30, 60]), (90, None, [30, 60]), (100, 1, list(range(10, 100, 10))), (100, 200, [])]
)
def test_levels_are_multiples_on_evaluations(max_steps, every, levels):
    assert PopulationBased().levels(race(max_steps, perturbation_steps=every)) == levels


def test_a_trial_that_exploits_goes_on_at_once():
    curves = {"b": Curve(((30, 1.0),), paused=True), "a": Curve(((30, 1.0),)), "c": Curve(((30, 1.0),), paused=True)}
    assert PopulationBased().promote(curves, race(), exhausted=False) == "b"
    assert PopulationBased().promote({"a": curves["a"]}, race(), exhausted=True) is None
