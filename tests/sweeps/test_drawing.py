"""A draw that breaks a rule between two keys is refused, and another takes its place: the same one for every driver."""

from collections.abc import Callable
from pathlib import Path

import pytest
from ray import tune

from sweeps.runner.blueprint import Blueprint, draw_up
from sweeps.runner.drawing import REFUSALS, drawn
from sweeps.runner.happenings import happenings
from sweeps.runner.ledger import Ledger
from sweeps.runner.searchers.registry import build_searchers
from sweeps.runner.searchers.searcher import Slot
from sweeps.runner.sweep import Sweep
from trainable.spec.ledger import replay
from trainable.spec.mistakes import WrongRequest
from trainable.spec.statement import Claim
from trainable.spec.sweep_dir import SweepDir

SLOTS = [Slot((), number) for number in range(12)]
# Each value is right beside the baseline's, and so are the corners; 4 heads of keys for 2 of queries are not.
SPACE = {"model.num_heads": tune.choice([2, 4]), "model.num_kv_heads": tune.choice([1, 2, 4])}


@pytest.fixture
def blueprint(tiny_overrides: Callable[..., list[str]]) -> Blueprint:
    baseline = {"model.num_heads": 4, "model.num_kv_heads": 1}
    sweep = Sweep("draws", "It draws.", SPACE, baseline, [Claim("better", 0.0)])
    return draw_up(sweep, tiny_overrides("scheduler=fifo", "searcher=random", "explore.samples=12"))


def all_drawn(blueprint: Blueprint, folder: Path, *, drivers: int = 1) -> tuple[list[dict[str, object]], SweepDir]:
    """Values of every slot, by drivers that each leave after their share."""
    sweep_dir = SweepDir(folder)
    found = []
    for number in range(drivers):
        ledger = Ledger(sweep_dir)
        searcher = build_searchers(blueprint.sweep.spaces, blueprint.settings, sweep_dir.optuna_journal)
        searcher.resume(ledger.state.samples, ledger.state.trials, ledger.state.sampled_values)
        for slot in SLOTS[number::drivers]:
            found.append((slot.draw, dict(drawn(slot, blueprint, searcher, ledger))))
        ledger.close()
    return [values for _, values in sorted(found, key=lambda pair: pair[0])], sweep_dir


def test_what_breaks_a_rule_is_refused_told_and_drawn_again(blueprint: Blueprint, tmp_path: Path) -> None:
    values, sweep_dir = all_drawn(blueprint, tmp_path)
    assert all(v["model.num_heads"] % v["model.num_kv_heads"] == 0 for v in values)
    ledger = Ledger(sweep_dir)
    ledger.close()
    refused = [event for slot in ledger.state.refusals.values() for event in slot]
    assert refused
    assert all(event["values"]["model.num_heads"] % event["values"]["model.num_kv_heads"] for event in refused)
    told = [event.text for event in happenings(ledger.state)]
    assert len(told) == len(refused)
    assert all(text.startswith("drawn and refused: num_heads=") and "divisible" in text for text in told)


def test_it_does_not_matter_how_many_drivers_draw(blueprint: Blueprint, tmp_path: Path) -> None:
    assert all_drawn(blueprint, tmp_path / "one")[0] == all_drawn(blueprint, tmp_path / "three", drivers=3)[0]


def test_a_space_that_hardly_ever_is_right_ends_the_sweep(blueprint: Blueprint, tmp_path: Path) -> None:
    ledger = Ledger(SweepDir(tmp_path))

    class Stubborn:
        def suggest(self, slot: Slot) -> dict[str, int]:
            return {"model.num_heads": 2, "model.num_kv_heads": 4}

    with pytest.raises(WrongRequest, match="divisible"):
        drawn(SLOTS[0], blueprint, Stubborn(), ledger)  # type: ignore[arg-type]
    ledger.close()
    assert len(ledger.state.refusals[SLOTS[0].id]) == REFUSALS


def test_an_older_ledger_has_no_refusals() -> None:
    assert replay([]).refusals == {}
