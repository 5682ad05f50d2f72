from statistics import median

import pytest
from sweep_on_disk import LR, SweepBuilder

from analysis.compare import CellSummary, compare
from analysis.load import load_sweep
from analysis.summarize import rows_of_sweep
from trainable.spec.status import Stage, Status


def compared(sweep: SweepBuilder, metric: str | None = None) -> list[CellSummary]:
    loaded = load_sweep(sweep.write())
    return compare(loaded.statement, rows_of_sweep(loaded), metric)


def test_numbers_of_a_cell_and_its_difference_to_the_baseline(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01}, final=1.0)
    sweep.finalists(sweep.cell({LR: 0.02}), sweep.cell({LR: 0.01}))
    sweep.confirm({LR: 0.01}, {1: 3.6, 2: 3.78, 3: 3.69})
    sweep.confirm({LR: 0.003}, {1: 4.0, 2: 4.2, 3: 4.1})
    sweep.confirm({LR: 0.02}, {1: 3.8, 2: 4.2, 3: 4.0})
    baseline, winner, second = compared(sweep)
    assert (baseline.is_baseline, winner.rank, second.rank) == (True, 1, 2)
    assert (baseline.n, baseline.mean, baseline.std, baseline.median) == (3, pytest.approx(4.1), pytest.approx(0.1), 4.1)
    assert (baseline.difference, baseline.relative_difference, baseline.paired, baseline.welch) == (None, None, None, None)
    assert second.mean == pytest.approx(3.69)
    assert second.std == pytest.approx(0.09)
    assert second.median == median([3.6, 3.78, 3.69])
    assert second.difference == pytest.approx(-0.41)
    assert second.relative_difference == pytest.approx(-0.1)
    assert second.paired is not None
    assert (second.paired.estimate, second.paired.n) == (pytest.approx(-0.1), 3)
    assert second.paired.high - second.paired.low < 1e-9
    assert second.welch is not None
    assert second.welch.difference == pytest.approx(-0.41)


def test_only_completed_confirmations_count_and_dead_seeds_are_named(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01}, final=1.0)
    sweep.confirm({LR: 0.01}, {1: 3.5})
    sweep.trial({LR: 0.01}, seed=2, stage=Stage.CONFIRM, status=Status.DIVERGED, final=9.0)
    sweep.trial({LR: 0.01}, seed=3, stage=Stage.CONFIRM, status=Status.RUNNING, final=0.5)
    (cell,) = compared(sweep)
    assert (cell.n, cell.mean, cell.std) == (1, 3.5, None)
    assert (cell.seeds.dead, cell.seeds.pending) == ({2: "diverged"}, (3,))
    assert (cell.difference, cell.paired) == (None, None)


def test_a_completed_trial_without_the_number_is_a_dead_seed(sweep: SweepBuilder) -> None:
    sweep.confirm({LR: 0.01}, {1: 3.5, 2: 3.5}, metrics={"train/loss": 3.5})
    (cell,) = compared(sweep)
    assert cell.seeds.dead == {1: "no eval/loss", 2: "no eval/loss"}
    assert (cell.n, cell.mean) == (0, None)


def test_a_trial_stopped_early_never_counts_even_on_a_fresh_seed(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01}, seed=1, stage=Stage.CONFIRM, status=Status.STOPPED_EARLY, final=0.1)
    (cell,) = compared(sweep)
    assert (cell.n, cell.seeds.dead) == (0, {1: "stopped_early"})


def test_where_higher_is_better_the_paired_difference_is_negative_for_a_better_cell(sweep: SweepBuilder) -> None:
    sweep.statement.metric, sweep.statement.higher_is_better = "time/tokens_per_sec", True
    sweep.confirm({LR: 0.003}, {1: 1, 2: 1}, metrics={"time/tokens_per_sec": 1000.0, "train/loss": 2.0})
    sweep.confirm({LR: 0.01}, {1: 1, 2: 1}, metrics={"time/tokens_per_sec": 1100.0, "train/loss": 2.2})
    _, cell = compared(sweep)
    assert cell.paired is not None
    assert (cell.difference, cell.relative_difference, cell.paired.estimate) == (100.0, pytest.approx(0.1), pytest.approx(-0.1))
    _, other = compared(sweep, "train/loss")
    assert other.paired is not None
    assert other.paired.estimate == pytest.approx(0.1)


def test_cells_that_nobody_ranked_stand_in_the_order_of_their_values(sweep: SweepBuilder) -> None:
    for lr in (0.1, 0.002, 0.03, 0.003):
        sweep.confirm({LR: lr}, {1: 4.0})
    assert [cell.values[LR] for cell in compared(sweep)] == [0.003, 0.002, 0.03, 0.1]
