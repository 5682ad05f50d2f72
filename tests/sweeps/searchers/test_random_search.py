import numpy as np
import pytest
from ledgered import settings
from ray import tune

from sweeps.runner.searchers.registry import build_searcher
from sweeps.runner.searchers.searcher import Slot
from sweeps.runner.searchers.slots import slots
from sweeps.runner.seeded import words

SPACE = {
    "optimizer": tune.grid_search(["adamw", "adafactor"]),
    "lr": tune.loguniform(1e-5, 1.0),
    "decay": tune.quniform(0.0, 0.3, 0.1),
    "warmup": tune.randint(0, 5),
    "batch": tune.qlograndint(8, 64, 8),
    "betas": tune.choice([[0.9, 0.95], [0.9, 0.999]]),
    "dropout": tune.choice(np.array([0.0, 0.1])),
    "noise": tune.randn(0.0, 1.0),
}


def draws(space=SPACE, seed=0, samples=20):
    searcher = build_searcher(space, settings("random", seed=seed))
    return [searcher.suggest(slot) for slot in slots(space, samples, seed)]


def test_values_are_ray_tunes_own_draws_from_a_generator_of_slot_and_key():
    slot = Slot((("optimizer", "adamw"),), 3)
    values = build_searcher(SPACE, settings("random", seed=7)).suggest(slot)
    for key in set(SPACE) - {"optimizer"}:
        rng = np.random.RandomState(words("draw", 7, slot.id, key))
        assert values[key] == SPACE[key].sample(random_state=rng)
    assert values["optimizer"] == "adamw"


def test_every_value_is_native_and_in_its_domain():
    kinds = {"optimizer": str, "lr": float, "decay": float, "warmup": int, "batch": int, "betas": list, "dropout": float, "noise": float}
    for values in draws():
        assert {key: type(value) for key, value in values.items()} == kinds
        assert 1e-5 <= values["lr"] <= 1.0
        assert round(values["decay"], 9) in (0.0, 0.1, 0.2, 0.3)
        assert values["warmup"] in range(5)
        assert values["batch"] % 8 == 0
        assert values["betas"][0] == 0.9


def test_an_edited_domain_leaves_the_other_keys_draws():
    edited = {**SPACE, "lr": tune.loguniform(1e-4, 1e-2), "new": tune.uniform(0, 1)}
    for before, after in zip(draws(), draws(edited), strict=True):
        assert {key: after[key] for key in before if key != "lr"} == {key: before[key] for key in before if key != "lr"}


def test_no_order_and_no_global_state_enters():
    searcher, places = build_searcher(SPACE, settings("random")), slots(SPACE, 5, 0)
    forwards = {slot.id: searcher.suggest(slot) for slot in places}
    np.random.seed(1)
    again = build_searcher(SPACE, settings("random"))
    assert {slot.id: again.suggest(slot) for slot in reversed(places)} == forwards
    assert draws(seed=1) != draws(seed=0)


def test_draws_differ_between_slots_and_cover_the_domain():
    rates = [values["lr"] for values in draws({"lr": SPACE["lr"]}, samples=400)]
    assert len(set(rates)) == 400
    # Log-uniform over five decades: 80 of 400 expected in each, standard deviation 8.
    assert all(40 < sum(10.0**k <= rate < 10.0 ** (k + 1) for rate in rates) < 120 for k in range(-5, 0))


@pytest.mark.parametrize("searcher", ["grid", "random", "optuna-tpe", "optuna-gp", "optuna-cmaes"])
def test_a_grid_point_is_taken_as_it_is(searcher):
    space = {"lr": tune.grid_search([0.1, 0.2]), "betas": tune.grid_search([[0.9, 0.95], [0.9, 0.999]])}
    made = build_searcher(space, settings(searcher))
    points = [made.suggest(slot) for slot in slots(space, 1, 0)]
    assert len(points) == 4
    assert all({"lr": lr, "betas": betas} in points for lr in (0.1, 0.2) for betas in ([0.9, 0.95], [0.9, 0.999]))
