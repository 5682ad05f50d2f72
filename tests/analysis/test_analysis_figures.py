from pathlib import Path

import numpy as np
import pytest
from sweep_on_disk import LR, SweepBuilder, losses

from analysis.figures.curve_panels import thinned
from analysis.figures.curves import curves_of, panels
from analysis.figures.key_axis import needs_log
from analysis.figures.loss_curves import METRICS, limits
from analysis.figures.metric_by_value import by_value, confirmed, worst_shown
from analysis.figures.registry import FIGURES, draw_figures
from analysis.figures.style import BASELINE_COLOUR, EXPLORED_COLOUR, colours, key_label, metric_label
from analysis.load import load_sweep
from analysis.study import Study, short_names, shown
from analysis.summarize import summarize
from trainable.spec.status import Stage, Status


def study_of(sweep: SweepBuilder) -> Study:
    loaded = load_sweep(sweep.write())
    return Study(loaded.statement, summarize(loaded), loaded.directory.metrics)


def test_curves_hold_what_was_measured_and_end_where_it_was_last_finite(lived: SweepBuilder) -> None:
    study = study_of(lived)
    by_lr = {study.cells[curve.cell].values[LR]: curve for curve in curves_of(study, "train/loss") if curve.stage == Stage.EXPLORE}
    assert set(by_lr) == {0.003, 0.01, 0.0001, 1.0, 0.1, 0.001}
    assert by_lr[1.0].steps.tolist() == [10]
    assert by_lr[0.0001].steps.tolist() == [10, 20]
    expected = losses(3.0)
    assert by_lr[0.01].values.tolist() == [expected[step]["train/loss"] for step in (10, 20, 30, 40)]


def test_a_band_is_mean_and_sample_std_over_completed_seeds_at_the_steps_they_share(sweep: SweepBuilder) -> None:
    for seed, (first, second) in {1: (5.0, 3.0), 2: (6.0, 3.5), 3: (7.0, 4.0)}.items():
        rows = {20: {"eval/loss": first}, 40: {"eval/loss": second}} | ({30: {"eval/loss": 9.0}} if seed == 1 else {})
        sweep.trial({LR: 0.01}, seed=seed, stage=Stage.CONFIRM, rows=dict(sorted(rows.items())))
    sweep.trial({LR: 0.01}, seed=4, stage=Stage.CONFIRM, status=Status.DIVERGED, rows={20: {"eval/loss": 99.0}})
    (panel,) = panels(study_of(sweep), METRICS)
    (band,) = panel.bands
    assert (panel.metric, band.n, band.steps.tolist()) == ("eval/loss", 3, [20, 40])
    np.testing.assert_allclose(band.mean, [6.0, 3.5])
    np.testing.assert_allclose(band.std, [1.0, 0.5])
    assert [curve.status for curve in panel.curves] == ["diverged"]


def test_the_axes_reach_from_the_lowest_value_to_where_training_starts(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01}, final=3.0)
    sweep.trial({LR: 0.02}, final=4.0)
    low, high = limits(panels(study_of(sweep), METRICS))
    assert 2.8 < low < 3.0
    assert losses(4.0)[10]["train/loss"] < high < 6.7
    sweep.trial({LR: 1.0}, status=Status.DIVERGED, rows={10: {"train/loss": 50.0}, 20: {"train/loss": 1e6, "eval/loss": 1e6}})
    sweep.trial({LR: 0.5}, status=Status.STOPPED_EARLY, rows={10: {"train/loss": 6.0}, 20: {"train/loss": 30.0, "eval/loss": 31.0}})
    assert limits(panels(study_of(sweep), METRICS)) == (low, high)


def test_points_against_the_value(lived: SweepBuilder) -> None:
    study = study_of(lived)
    data = by_value(study, LR)
    assert sorted(data.full) == [(0.001, 4.5), (0.003, 4.0), (0.01, 3.0)]
    assert (data.stopped, data.diverged, data.baseline) == ([(0.0001, 6.5)], [1.0], 0.003)
    assert [(x, point.mean, point.std) for x, point in data.confirmed] == [
        (0.003, pytest.approx(4.1), pytest.approx(0.1)),
        (0.01, pytest.approx(11.111 / 3), pytest.approx(0.09306091)),
    ]
    assert [point.seeds for point in confirmed(study)] == [(4.0, 4.2, 4.1), (3.6, 3.78, 3.731)]
    assert data.values == [0.0001, 0.001, 0.003, 0.01, 1.0]


@pytest.mark.parametrize(
    ("values", "log"),
    [
        ([1e-4, 1e-2], True),
        ([1, 8, 64], True),
        ([1e-3, 1e-2], False),
        ([0.0, 1.0, 100.0], False),
        ([-1.0, 100.0], False),
        (["a"], False),
        ([], False),
    ],
)
def test_the_scale_of_the_axis(values: list[object], log: bool) -> None:
    assert needs_log(values) is log


def test_values_far_above_the_others_are_drawn_at_the_edge(sweep: SweepBuilder) -> None:
    for lr, final in {0.001: 3.0, 0.01: 3.2, 0.1: 500.0}.items():
        sweep.trial({LR: lr}, final=final)
    assert worst_shown(by_value(study_of(sweep), LR)) == 6.4


def test_every_cell_has_its_colour_and_the_baseline_is_black(sweep: SweepBuilder) -> None:
    for lr in (0.1, 0.0003, 0.003):
        sweep.trial({LR: lr})
    cells = list(study_of(sweep).cells.values())
    chosen = colours(cells)
    assert [cell.label for cell in cells] == ["lr = 3e-4", "lr = 3e-3", "lr = 0.1"]
    assert len(set(chosen.values())) == 3
    assert chosen[sweep.statement.baseline_cell] == BASELINE_COLOUR


def test_of_more_cells_than_hues_only_the_confirmed_have_one(sweep: SweepBuilder) -> None:
    sweep.statement.varied = ["optimizer"]
    sweep.statement.baseline_values = {"optimizer": "adamw"}
    for name in ("adamw", *"abcdefgh"):
        sweep.trial({"optimizer": name})
    sweep.confirm({"optimizer": "c"}, {1: 3.0})
    study = study_of(sweep)
    chosen = {study.cells[cell].values["optimizer"]: colour for cell, colour in colours(list(study.cells.values())).items()}
    assert chosen["adamw"] == BASELINE_COLOUR
    assert {name for name, colour in chosen.items() if colour == EXPLORED_COLOUR} == set("abdefgh")


def test_labels() -> None:
    assert metric_label("eval/loss") == "Validation loss (nats/token)"
    assert metric_label("train/perplexity") == "train/perplexity"
    assert key_label("optimizer.lr") == "Peak learning rate (optimizer.lr)"
    assert key_label("training.batch_size") == "Global batch (training.batch_size, sequences)"
    assert key_label("optimizer") == "optimizer"
    assert short_names(["model.name", "optimizer.name", "optimizer.lr"]) == {
        "model.name": "model.name",
        "optimizer.name": "optimizer.name",
        "optimizer.lr": "lr",
    }
    assert [shown(v) for v in (3e-4, 0.0031623, 0.01, 1.0, 8, True, None, [0.9, 0.95])] == [
        "3e-4",
        "3.162e-3",
        "0.01",
        "1",
        "8",
        "True",
        "none",
        "[0.9, 0.95]",
    ]


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_what_it_shows_and_has_nothing_to_show_of_nothing(sweep: SweepBuilder, name: str) -> None:
    assert FIGURES[name].caption.endswith(".")
    assert FIGURES[name].draw(study_of(sweep)) is None
    sweep.trial({LR: 1.0}, status=Status.DIVERGED, rows={10: {"train/loss": float("nan")}}, metrics={})
    assert FIGURES[name].draw(study_of(sweep)) is None


def test_figures_are_written_as_png_of_300_dpi_and_as_pdf(lived: SweepBuilder, tmp_path: Path) -> None:
    study = study_of(lived)
    files = draw_figures(study, tmp_path)
    shown = ("loss_curves", "metric_by_value", "asha_rungs")
    assert [file.name for file in files] == [f"{name}.{kind}" for name in shown for kind in ("png", "pdf")]
    png, pdf = files[0].read_bytes(), files[1].read_bytes()
    assert int.from_bytes(png[16:20], "big") == 7.2 * 300
    assert pdf.startswith(b"%PDF")


def test_the_same_data_give_the_same_bytes(lived: SweepBuilder, tmp_path: Path) -> None:
    first = draw_figures(study_of(lived), tmp_path / "first")
    again = draw_figures(Study.from_files(lived.directory.path), tmp_path / "again")
    assert [file.name for file in first] == [file.name for file in again]
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in again]


OF_FOUR_KEYS = {
    "loss_curves": 2,
    "metric_by_value": 5,
    "parallel_coordinates": 2,
    "contour": 4,
    "memory_profile": 1,
    "throughput": 1,
    "pareto_front": 1,
    "optimizer_comparison": 1,
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_of_a_sweep_draws_several_keys_of_every_type(sweep: SweepBuilder, name: str) -> None:
    sweep.statement.varied = ["optimizer", "optimizer.betas", "training.batch_size", "model.tied_embeddings"]
    for place, chosen in enumerate([("adamw", [0.9, 0.95], 1, True), ("sgd", None, 8, False), ("adam8bit", [0.9, 0.999], 64, True)]):
        values = dict(zip(sweep.statement.varied, chosen, strict=True))
        sweep.trial(values, final=3.0 + place)
        sweep.confirm(values, {1: 3.0 + place, 2: 3.1 + place})
    figure = FIGURES[name].draw(study_of(sweep))
    drawn = 0 if figure is None else len([axes for axes in figure.axes if axes.get_visible()])
    assert drawn == OF_FOUR_KEYS.get(name, 0)


def test_a_long_curve_is_thinned_to_its_last_point() -> None:
    numbers = np.arange(1000.0)
    assert thinned(numbers, 1000) is numbers
    few = thinned(numbers, 30)
    assert (len(few), few[-1]) == (30, 999.0)
    assert set(np.diff(few)) == {34.0}
