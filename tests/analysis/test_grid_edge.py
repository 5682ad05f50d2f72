import pytest
from sweep_on_disk import LR, SweepBuilder

from analysis.grid_edge import Edge, edges
from analysis.load import load_sweep
from analysis.summarize import rows_of_sweep
from trainable.spec.status import Status


def found(sweep: SweepBuilder) -> list[Edge]:
    loaded = load_sweep(sweep.write())
    return edges(loaded.statement, rows_of_sweep(loaded))


def explored(sweep: SweepBuilder, *rates: float) -> SweepBuilder:
    for rate in rates:
        sweep.trial({LR: rate})
    return sweep


@pytest.mark.parametrize(("winner", "side"), [(0.001, "smallest"), (0.01, None), (0.1, "largest")])
def test_the_first_finalist_before_the_confirmation(sweep: SweepBuilder, winner: float, side: str | None) -> None:
    explored(sweep, 0.001, 0.01, 0.1).finalists(sweep.cell({LR: winner}), sweep.cell({LR: 0.01}))
    assert [edge.sides for edge in found(sweep)] == ([{LR: side}] if side else [])


def test_the_best_confirmed_mean_wins_over_the_order_of_the_exploration(sweep: SweepBuilder) -> None:
    explored(sweep, 0.001, 0.01, 0.1).finalists(sweep.cell({LR: 0.1}), sweep.cell({LR: 0.01}))
    sweep.confirm({LR: 0.1}, {1: 4.0})
    sweep.confirm({LR: 0.01}, {1: 3.0})
    assert found(sweep) == []


def test_a_baseline_that_is_best_may_lie_at_the_edge_as_well(sweep: SweepBuilder) -> None:
    explored(sweep, 0.01, 0.1).finalists(sweep.cell({LR: 0.01}))
    sweep.confirm({LR: 0.003}, {1: 3.0})
    sweep.confirm({LR: 0.01}, {1: 4.0})
    (edge,) = found(sweep)
    assert edge.cell == sweep.statement.baseline_cell
    assert edge.sentence == "optimizer.lr = 3e-3 is the smallest of the 3 values tried: extend the space"


@pytest.mark.parametrize(
    ("status", "tried"), [(Status.DIVERGED, True), (Status.OUT_OF_MEMORY, True), (Status.STOPPED_EARLY, True), (Status.FAILED, False)]
)
def test_what_diverged_beyond_it_was_tried_and_what_failed_was_not(sweep: SweepBuilder, status: Status, tried: bool) -> None:
    explored(sweep, 0.001, 0.003, 0.01).finalists(sweep.cell({LR: 0.01}))
    sweep.trial({LR: 0.1}, status=status)
    assert bool(found(sweep)) != tried


def test_two_values_are_no_grid_and_drawn_ones_neither(sweep: SweepBuilder) -> None:
    explored(sweep, 0.001, 0.01).finalists(sweep.cell({LR: 0.01}))
    assert found(sweep) == []
    explored(sweep, 0.0017)
    assert len(found(sweep)) == 1
    sweep.statement.settings["searcher"] = {"name": "random"}
    assert found(sweep) == []


def test_every_part_that_was_explored_apart_has_a_winner(sweep: SweepBuilder) -> None:
    sweep.statement.varied = ["optimizer", LR]
    sweep.statement.settings["explore"] = {"per": "optimizer"}
    for optimizer in ("adamw", "adafactor"):
        for rate in (0.001, 0.01, 0.1):
            sweep.trial({"optimizer": optimizer, LR: rate})
    sweep.finalists(sweep.cell({"optimizer": "adamw", LR: 0.01}), sweep.cell({"optimizer": "adafactor", LR: 0.1}))
    (edge,) = found(sweep)
    assert (edge.values, edge.sides, edge.counts) == ({"optimizer": "adafactor", LR: 0.1}, {LR: "largest"}, {LR: 3})
