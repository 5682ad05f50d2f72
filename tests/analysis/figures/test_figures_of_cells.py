"""What figures of cells and trials show: pure functions, by equality."""

from typing import Any

import pytest
from sweep_on_disk import LR, SweepBuilder, losses

from analysis.figures.asha_rungs import rungs
from analysis.figures.cell_values import cell_values, costs_differ, foremost, full_runs
from analysis.figures.contour import explained, pair, strongest, triangles
from analysis.figures.curves import panels
from analysis.figures.gradient_norms import METRICS, limits
from analysis.figures.key_axis import KeyAxis, key_axes
from analysis.figures.memory_profile import profile
from analysis.figures.metric_colours import usual_range
from analysis.figures.optimizer_comparison import comparison
from analysis.figures.parallel_coordinates import coordinates
from analysis.figures.pareto_front import default_cost, is_efficient, trade
from analysis.figures.quantity import quantity
from analysis.figures.throughput import throughput
from analysis.load import load_sweep
from analysis.study import Study
from analysis.summarize import summarize
from trainable.spec.status import Stage, Status

WARMUP = "schedule.warmup_steps"


def study_of(sweep: SweepBuilder) -> Study:
    loaded = load_sweep(sweep.write())
    return Study(loaded.statement, summarize(loaded), loaded.directory.metrics)


def of_two_keys(sweep: SweepBuilder, finals: dict[tuple[float, int], float]) -> Study:
    sweep.statement.varied = [LR, WARMUP]
    sweep.statement.baseline_values = {LR: 0.003, WARMUP: 0}
    for (lr, warmup), final in finals.items():
        sweep.trial({LR: lr, WARMUP: warmup}, final=final)
    return study_of(sweep)


def test_a_cell_counts_by_its_confirmation_and_by_its_exploration_where_it_has_none(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01}, final=9.0)
    sweep.trial({LR: 0.02}, final=8.0)
    sweep.trial({LR: 0.03}, final=7.0, status=Status.STOPPED_EARLY)
    sweep.confirm({LR: 0.01}, {1: 3.0, 2: 4.0})
    study = study_of(sweep)
    loss = quantity("eval/loss", study.statement)
    by_lr = {study.cells[cell].values[LR]: spread for cell, spread in cell_values(study, loss).items()}
    assert {lr: spread.values for lr, spread in by_lr.items()} == {0.01: (3.0, 4.0), 0.02: (8.0,)}
    assert (by_lr[0.01].mean, by_lr[0.01].std, by_lr[0.01].error) == (3.5, pytest.approx(0.5**0.5), pytest.approx(0.5**0.5))
    assert (by_lr[0.02].std, by_lr[0.02].error) == (None, 0.0)
    assert {len(rows) for rows in full_runs(study).values()} == {1, 2}


def test_of_many_cells_the_baseline_the_confirmed_and_the_best_are_shown_in_the_order_of_values(sweep: SweepBuilder) -> None:
    for lr, final in {0.001: 5.0, 0.002: 4.0, 0.003: 9.0, 0.004: 8.0, 0.005: 3.0, 0.006: 6.0}.items():
        sweep.trial({LR: lr}, final=final)
    sweep.finalists(sweep.cell({LR: 0.004}))
    sweep.confirm({LR: 0.004}, {1: 8.0})
    study = study_of(sweep)
    assert [cell.values[LR] for cell in foremost(study, list(study.cells), 4)] == [0.002, 0.003, 0.004, 0.005]
    assert len(foremost(study, list(study.cells), 6)) == 6


def test_units_and_directions_of_quantities(sweep: SweepBuilder) -> None:
    state = quantity("optimizer_state_bytes", sweep.statement)
    assert (state.label, state.of({"optimizer_state_bytes": 8_000_000}), state.of({"optimizer_state_bytes": None})) == (
        "Optimizer state (MB)",
        8.0,
        None,
    )
    assert quantity("time/tokens_per_sec", sweep.statement).higher_is_better
    assert not quantity("eval/loss", sweep.statement).higher_is_better
    assert quantity("eval/loss", sweep.statement).of({"eval/loss": float("nan")}) is None


def test_memory_is_shown_of_every_trial_beside_its_prediction(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01}, metrics={"memory/peak_gb": 1.0}, predicted_peak_memory_gb=0.9)
    stopped: dict[str, Any] = {"status": Status.STOPPED_EARLY, "seed": 7, "metrics": {"memory/peak_gb": 2.0}}
    sweep.trial({LR: 0.01}, **stopped, predicted_peak_memory_gb=None)
    sweep.trial({LR: 0.02}, metrics={}, predicted_peak_memory_gb=None)
    data = profile(study_of(sweep))
    (cell,) = data.cells
    assert (data.measured[cell.cell].values, data.predicted[cell.cell].values, data.left_out) == ((1.0, 2.0), (0.9,), 0)


def test_throughput_is_the_median_over_a_run_without_its_first_row(sweep: SweepBuilder) -> None:
    for seed, speeds in {0: [1.0, 100.0, 300.0, 200.0], 1: [50.0]}.items():
        rows = {10 * (place + 1): {"train/loss": 5.0, "time/tokens_per_sec": speed} for place, speed in enumerate(speeds)}
        sweep.trial({LR: 0.01}, seed=seed, rows=rows)
    (spread,) = throughput(study_of(sweep)).spreads.values()
    assert spread.values == (200.0, 50.0)


def test_costs_differ_where_size_state_or_micro_batch_do(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01})
    sweep.trial({LR: 0.02})
    assert not costs_differ(study_of(sweep))
    sweep.trial({LR: 0.04}, optimizer_state_bytes=None, parameters=None)
    assert not costs_differ(study_of(sweep))
    sweep.trial({LR: 0.03}, optimizer_state_bytes=1)
    assert costs_differ(study_of(sweep))


def test_norms_reach_three_decades_from_their_median_at_most(sweep: SweepBuilder) -> None:
    rows = {step: {"optimizer/grad_norm": norm} for step, norm in {10: 0.0, 20: 1.0, 30: 2.0, 40: 1e9}.items()}
    sweep.trial({LR: 0.01}, rows=rows)
    (panel,) = panels(study_of(sweep), METRICS, above_zero=True)
    assert panel.curves[0].steps.tolist() == [20, 30, 40]
    assert limits(panel) == (0.8, pytest.approx(2500.0))


def test_rungs_tell_who_was_stopped_where_and_what_it_saved(lived: SweepBuilder) -> None:
    data = rungs(study_of(lived))
    assert [(reach.label, reach.status, reach.step) for reach in data.reached] == [
        ("lr = 0.01", "completed", 40),
        ("lr = 3e-3", "completed", 40),
        ("lr = 1e-3", "completed", 40),
        ("lr = 1", "diverged", 20),
        ("lr = 1e-4", "stopped_early", 20),
        ("lr = 0.1", "failed", 10),
    ]
    assert data.share_saved == pytest.approx(1 - 170 / 240)
    (rung,) = data.rungs
    assert (rung.step, list(rung.stopped.values())) == (20, [6.5])
    assert sorted(rung.went_on.values()) == [losses(final)[20]["eval/loss"] for final in (3.0, 4.0, 4.5)]


def test_an_axis_of_numbers_and_one_of_names() -> None:
    rate = KeyAxis(LR, [1e-4, 1e-3, 1e-2])
    assert [rate.share(value) for value in rate.values] == pytest.approx([0, 0.5, 1])
    assert (rate.is_log, rate.remark, rate.ticks()[0]) == (True, " (log)", (-4.0, "1e-4"))
    name = KeyAxis("optimizer", ["adamw", "sgd", None])
    assert [name.place(value) for value in name.values] == [0, 1, 2]
    assert [text for _, text in name.ticks()] == ["adamw", "sgd", "none"]
    many = KeyAxis(WARMUP, list(range(0, 41, 4)))
    assert [text for _, text in many.ticks()] == ["0", "8", "16", "24", "32", "40"]
    assert KeyAxis(LR, [0.3]).share(0.3) == 0.5


def test_a_line_goes_through_the_keys_and_the_best_lies_on_top(sweep: SweepBuilder) -> None:
    study = of_two_keys(sweep, {(0.001, 0): 5.0, (0.1, 10): 3.0, (0.01, 5): 4.0})
    sweep.trial({LR: 0.1, WARMUP: 0}, status=Status.DIVERGED, rows={10: {"train/loss": 9.0}})
    data = coordinates(study_of(sweep))
    assert [axis.key for axis in data.keys] == [LR, WARMUP]
    assert [line.value for line in data.lines] == [None, 5.0, 4.0, 3.0]
    assert data.lines[-1].shares == pytest.approx((1.0, 1.0))
    assert data.lines[-2].shares == pytest.approx((0.5, 0.5))
    assert [axis.values for axis in key_axes(study)] == [[0.001, 0.01, 0.1], [0, 5, 10]]


def test_a_pair_of_keys_has_the_cells_with_a_full_run_and_the_places_of_the_others(sweep: SweepBuilder) -> None:
    grid = {(lr, warmup): lr * 100 + warmup for lr in (0.01, 0.02, 0.03) for warmup in (0, 5)}
    of_two_keys(sweep, grid)
    sweep.trial({LR: 0.04, WARMUP: 0}, status=Status.STOPPED_EARLY)
    study = study_of(sweep)
    data = pair(study, *key_axes(study))
    assert sorted(data.points) == [(lr, warmup, value) for (lr, warmup), value in sorted(grid.items())]
    assert data.others == [(0.04, 0)]
    assert triangles(data) is not None


def test_no_surface_between_few_points_or_points_on_a_line(sweep: SweepBuilder) -> None:
    study = of_two_keys(sweep, {(0.01 * (1 + place), place): 3.0 + place for place in range(8)})
    assert triangles(pair(study, *key_axes(study))) is None


def test_a_key_with_its_best_in_the_middle_explains_as_much_as_one_that_rises() -> None:
    rate = KeyAxis(LR, [1e-4, 1e-3, 1e-2, 1e-1, 1.0])
    assert explained(rate, rate.values, [5.0, 4.0, 3.0, 4.1, 5.1]) > 0.9
    assert explained(rate, rate.values, [1.0, 2.0, 3.0, 4.0, 1e9]) == pytest.approx(1.0)
    assert explained(rate, rate.values, [3.0] * 5) == 0.0
    names = KeyAxis("optimizer", ["a", "b"])
    assert explained(names, ["a", "a", "b", "b"], [1.0, 1.0, 2.0, 2.0]) == pytest.approx(1.0)
    assert explained(names, ["a", "b", "a", "b"], [1.0, 1.0, 2.0, 2.0]) == pytest.approx(0.0)


def test_the_strongest_keys_are_kept_in_the_order_of_the_sweep(sweep: SweepBuilder) -> None:
    study = of_two_keys(sweep, {(lr, warmup): 3.0 + 100 * lr + 0.001 * (warmup == 5) for lr in (0.01, 0.02, 0.04) for warmup in (0, 5)})
    assert [axis.key for axis in strongest(study)] == [LR, WARMUP]
    assert [axis.key for axis in strongest(study, most=1)] == [LR]


def test_values_far_worse_than_usual_share_one_colour() -> None:
    assert usual_range([3.0, 4.0, 1e6], higher_is_better=False) == (3.0, 8.0)
    assert usual_range([0.9, 0.8, 0.001], higher_is_better=True) == (0.4, 0.9)
    assert usual_range([-1.0, 5.0], higher_is_better=False) == (-1.0, 5.0)


def test_the_front_holds_what_nothing_else_beats() -> None:
    merits = [(1.0, 5.0), (2.0, 3.0), (3.0, 4.0), (2.0, 3.0), (4.0, 1.0)]
    assert [is_efficient(place, merits) for place in range(5)] == [True, True, False, True, True]


def test_a_trade_of_two_columns(sweep: SweepBuilder) -> None:
    for lr, (final, state) in {0.01: (3.0, 8_000_000), 0.02: (4.0, 2_000_000), 0.03: (5.0, 4_000_000), 0.04: (1.0, None)}.items():
        sweep.trial({LR: lr}, final=final, optimizer_state_bytes=state)
    study = study_of(sweep)
    data = trade(study, "optimizer_state_bytes", "eval/loss")
    assert [(p.cell.values[LR], p.x.mean, p.y.mean, p.on_front) for p in data.points] == [
        (0.02, 2.0, 4.0, True),
        (0.03, 4.0, 5.0, False),
        (0.01, 8.0, 3.0, True),
    ]
    assert default_cost(study) == "optimizer_state_bytes"
    faster = trade(study, "time/tokens_per_sec", "eval/loss")
    assert [p.cell.values[LR] for p in faster.front] == [0.04]


def test_every_optimizer_is_compared_at_its_best_by_the_bytes_of_its_state(sweep: SweepBuilder) -> None:
    sweep.statement.varied = ["optimizer", LR]
    sweep.statement.baseline_values = {"optimizer": "adamw", LR: 0.01}
    for name, state in {"adamw": 8_000_000, "adafactor": 10_000}.items():
        for lr, final in {0.01: 4.0, 0.1: 3.5}.items():
            sweep.trial({"optimizer": name, LR: lr}, final=final, optimizer_state_bytes=state)
    sweep.confirm({"optimizer": "adamw", LR: 0.01}, {1: 4.1, 2: 4.3}, optimizer_state_bytes=8_000_000)
    data = comparison(study_of(sweep))
    assert [(entry.name, entry.bytes_per_parameter, entry.metric.values, entry.others) for entry in data.entries] == [
        ("adamw", 8.0, (4.1, 4.3), (3.5,)),
        ("adafactor", 0.01, (3.5,), (4.0,)),
    ]


def test_an_explored_trial_of_the_confirmation_stage_is_no_rung(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01}, stage=Stage.CONFIRM, status=Status.STOPPED_EARLY)
    assert rungs(study_of(sweep)).reached == []
