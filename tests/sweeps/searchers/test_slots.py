import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray import tune

from sweeps.runner.searchers.searcher import Slot
from sweeps.runner.searchers.slots import slots, space_mistakes

GRID = {"b": tune.grid_search([1, 2, 3]), "a": tune.grid_search(["x", "y"])}
LR = {"lr": tune.loguniform(1e-5, 1.0)}
VALUES = st.lists(st.integers(-50, 50), min_size=1, max_size=8, unique=True)


def test_every_point_of_the_grid_once_without_anything_to_draw():
    made = slots(GRID, 5, 0)
    assert {slot.grid for slot in made} == {(("a", a), ("b", b)) for a in "xy" for b in (1, 2, 3)}
    assert len(made) == 6
    assert {slot.draw for slot in made} == {0}


def test_every_point_is_drawn_as_often_as_asked_for_and_all_points_before_any_again():
    made = slots({**GRID, **LR}, 4, 0)
    assert [slot.draw for slot in made] == [draw for draw in range(4) for _ in range(6)]
    assert len({slot.id for slot in made}) == 24


def test_draws_without_a_grid():
    assert slots(LR, 3, 0) == [Slot((), 0), Slot((), 1), Slot((), 2)]


def test_order_is_seeded_and_not_that_of_the_values():
    space = {"lr": tune.grid_search([1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0])}
    orders = {tuple(dict(slot.grid)["lr"] for slot in slots(space, 1, seed)) for seed in range(20)}
    assert len(orders) > 10
    assert slots(space, 1, 3) == slots(space, 1, 3)


@settings(max_examples=60, deadline=None)
@given(VALUES, VALUES, st.integers(0, 9), st.integers(1, 3), st.integers(0, 3))
def test_a_longer_grid_and_more_samples_keep_what_there_was_in_its_order(values, more, seed, samples, further):
    longer = [*values, *(value for value in more if value not in values)]
    before = slots({"k": tune.grid_search(values), **LR}, samples, seed)
    after = slots({"k": tune.grid_search(longer), **LR}, samples + further, seed)
    assert [slot for slot in after if slot in set(before)] == before
    assert [slot for slot in after if slot.draw < samples and dict(slot.grid)["k"] in values] == before


def test_the_order_of_keys_in_the_file_is_no_matter():
    assert slots({**GRID, **LR}, 2, 0) == slots(dict(reversed({**LR, **GRID}.items())), 2, 0)


def test_numpy_values_come_out_as_python_numbers():
    ((_, value),) = slots({"lr": tune.grid_search(np.array([0.5]))}, 1, 0)[0].grid
    assert type(value) is float


@pytest.mark.parametrize("searcher", ["grid", "random", "optuna-tpe"])
def test_a_grid_is_right_for_every_searcher(searcher):
    assert space_mistakes(GRID, searcher, 1) == []


@pytest.mark.parametrize(
    "domain",
    [
        tune.uniform(0, 1),
        tune.quniform(0.1, 0.9, 0.1),
        tune.loguniform(1e-5, 1),
        tune.qloguniform(1, 100, 1),
        tune.randint(0, 2),
        tune.qrandint(0, 10, 5),
        tune.lograndint(1, 10),
        tune.qlograndint(2, 10, 2),
        tune.choice([2, "a", None, True, [1, 2], {"a": 1}]),
    ],
)
def test_bounded_domains_are_right_for_every_drawing_searcher(domain):
    assert space_mistakes({"k": domain}, "random", 2) == []
    assert space_mistakes({"k": domain}, "optuna-gp", 2) == []
    assert space_mistakes({"k": domain}, "grid", 1) != []


@pytest.mark.parametrize(
    ("domain", "sentence"),
    [
        (tune.grid_search([]), "'k': tune.grid_search([]) has no values"),
        (tune.choice([]), "'k': tune.choice([]) has no values"),
        (tune.grid_search([1, 2, 1]), "'k': 1 stands twice in tune.grid_search"),
        (tune.choice([1, 1.0]), "'k': 1.0 stands twice in tune.choice"),
        (tune.grid_search([[1], (1,)]), "'k': (1,) stands twice in tune.grid_search"),
        (tune.grid_search([math.nan]), "'k': nan in tune.grid_search is not a number, text, true, false, null or a list"),
        (tune.choice([object]), "'k': <class 'object'> in tune.choice is not a number"),
        (tune.uniform(1.0, 1.0), "'k': `low < high` must hold, but got tune.uniform(1.0, 1.0)"),
        (tune.loguniform(0.1, 0.01), "'k': `low < high` must hold, but got tune.loguniform(0.1, 0.01)"),
        (tune.randint(3, 3), "'k': `low < high` must hold (the upper bound is excluded), but got tune.randint(3, 3)"),
        (tune.qrandint(5, 7, 4), "'k': `low < high` must hold (the upper bound is excluded), but got tune.qrandint(5, 7, 4)"),
        (tune.qrandint(1, 9, 0), "'k': `q > 0` must hold, but got tune.qrandint(1, 9, 0)"),
        (tune.sample_from(lambda: 1), "'k': a function cannot be recorded and drawn again; use"),
        (lambda: 1, "'k': a function cannot be recorded and drawn again; use"),
        ({"lr": tune.uniform(0, 1)}, "'k': a nested space is not supported; write dotted keys, 'k.<name>': <domain>"),
        ([1, 2], "'k': [1, 2] is not a domain; use tune.grid_search([...])"),
        (0.1, "'k': 0.1 is not a domain; use tune.grid_search([...])"),
    ],
)
def test_a_domain_that_is_wrong_is_named_with_the_rule(domain, sentence):
    (mistake,) = space_mistakes({"k": domain}, "random", 1)
    assert mistake.startswith(sentence)


def test_all_mistakes_at_once_and_what_the_searcher_cannot_do():
    space = {"a": tune.grid_search([]), "b": tune.loguniform(1e-5, 1.0), "c": 3, "d": tune.qrandn(0.0, 1.0, 0.5)}
    grid = space_mistakes(space, "grid", 1)
    assert [text.split(":")[0] for text in grid] == ["'a'", "'b'", "'c'", "'d'"]
    assert grid[1] == (
        "'b': searcher=grid draws nothing from tune.loguniform(1e-05, 1.0); "
        "use tune.grid_search([...]), or searcher=random or searcher=optuna-tpe"
    )
    assert space_mistakes({"d": space["d"]}, "optuna-tpe", 1) == [
        "'d': searcher=optuna-tpe needs bounds, which tune.qrandn(0.0, 1.0, 0.5) has not; use tune.uniform(low, high), or searcher=random"
    ]
    assert space_mistakes({"d": space["d"]}, "random", 1) == []


def test_an_empty_space_and_samples_of_nothing():
    assert space_mistakes({}, "grid", 1) == ["the search space is empty: it needs at least one key"]
    (mistake,) = space_mistakes(GRID, "random", 16)
    assert mistake.startswith("explore.samples=16, but there is nothing to draw")
