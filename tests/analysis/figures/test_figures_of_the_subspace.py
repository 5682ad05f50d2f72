"""The SubLoRA study's figures: what they show by equality, what is missing said and never a crash."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from subspace_on_disk import METHODS, SEEDS, add_run, bounds_of, empty_study, gates_of, method_values, whole_study
from sweep_on_disk import SweepBuilder

from analysis.figures.registry import FIGURES, caption_of, default_figures, draw_figures
from analysis.figures.subspace.compression_comparison import by_size
from analysis.figures.subspace.gating_heatmap import matrix
from analysis.figures.subspace.layer_gates import outside_over_seeds, over_seeds, run_gates
from analysis.figures.subspace.layer_gates import remarks as remarks_on_gates
from analysis.figures.subspace.pareto_frontier import frontier
from analysis.figures.subspace.points import by_budget, improvement, points, remarks
from analysis.load import load_sweep
from analysis.study import Study
from analysis.summarize import summarize
from trainable.spec.status import Status

OF_THE_STUDY = ["pareto_frontier", "compression_comparison", "allocation_comparison_grid", "learned_gating_heatmap", "learned_gating_trend"]


def study_of(sweep: SweepBuilder) -> Study:
    loaded = load_sweep(sweep.write())
    return Study(loaded.statement, summarize(loaded), loaded.directory.metrics)


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(match=lambda artist: hasattr(artist, "get_text")))


@pytest.fixture
def small(tmp_path: Path) -> SweepBuilder:
    return empty_study(tmp_path)


def test_a_point_is_what_every_seed_measured(small: SweepBuilder) -> None:
    for seed, risk in {42: 10.0, 123: 10.2, 999: 10.4}.items():
        bounds = {"empirical_bpd": risk, "kl_divergence": 2000.0, "bound_value": 11.0, "compressed_size_bits": 4000.0}
        add_run(small, method_values(1000, "learned", None), seed, {**bounds, "vacuous": float(seed == 999)})
    (point,) = points(study_of(small))
    assert (point.budget, point.method.label, dict(point.risk)) == (1000, "learned", {42: 10.0, 123: 10.2, 999: 10.4})
    assert (dict(point.size_kb), point.vacuous, point.without) == (dict.fromkeys(SEEDS, 0.5), (999,), ())


def test_all_methods_of_all_budgets_are_there_and_learned_comes_last(tmp_path: Path) -> None:
    found = points(study_of(whole_study(tmp_path)))
    labels = ["uniform", "fixed 0.2", "fixed 0.5", "fixed 0.8", "learned"]
    assert [(point.budget, point.method.label) for point in found] == [(d, label) for d in (1000, 2000) for label in labels]
    assert all(tuple(point.bound) == SEEDS for point in found)
    assert remarks(found) == []


def test_improvement_is_relative_to_the_uniform_allocation_of_the_same_budget_and_seed(small: SweepBuilder) -> None:
    for allocation, ratio, risks in (("uniform", None, {42: 10.0, 123: 20.0}), ("fixed", 0.5, {42: 9.0, 123: 19.0, 999: 1.0})):
        for seed, risk in risks.items():
            add_run(small, method_values(1000, allocation, ratio), seed, {"empirical_bpd": risk})
    add_run(small, method_values(1000, "learned", None), 999, {"empirical_bpd": 12.0})
    found = points(study_of(small))
    gains = {point.method.label: improvement(point, found) for point in found}
    assert {label: gain and gain.values for label, gain in gains.items()} == {
        "uniform": (0.0, 0.0),
        "fixed 0.5": (pytest.approx(10.0), pytest.approx(5.0)),
        "learned": (pytest.approx(100 * (15 - 12) / 15),),
    }


def test_of_other_swept_keys_the_cell_with_the_lowest_risk_stands_for_its_method(small: SweepBuilder) -> None:
    small.statement.varied = [*small.statement.varied, "optimizer.lr"]
    for lr, risk in {0.01: 10.0, 0.1: 9.0}.items():
        add_run(small, {**method_values(1000, "uniform", None), "optimizer.lr": lr}, 42, {"empirical_bpd": risk})
    assert [dict(point.risk) for point in points(study_of(small))] == [{42: 9.0}]


def test_settings_that_all_runs_share_are_read_from_the_statement(small: SweepBuilder) -> None:
    small.statement.varied = ["adapter.allocation"]
    small.statement.base_config = {"adapter": {"intrinsic_dim": 500, "allocation_ratio": None}}
    add_run(small, {"adapter.allocation": "learned"}, 42, {"empirical_bpd": 10.0}, {"0": 0.5})
    study = study_of(small)
    assert [(point.budget, point.method.label) for point in points(study)] == [(500, "learned")]
    assert list(by_budget(study)) == ["_d500"]
    assert [(run.budget, run.seed) for run in run_gates(study)] == [(500, 42)]


def test_what_is_missing_is_said_in_a_sentence(small: SweepBuilder) -> None:
    add_run(small, method_values(1000, "uniform", None), 42, {**bounds_of(1000, 0, 42), "vacuous": 1.0})
    add_run(small, method_values(2000, "learned", None), 42, bounds_of(2000, 4, 42))
    add_run(small, method_values(2000, "learned", None), 123, None)
    add_run(small, method_values(2000, "fixed", 0.2), 999, None, status=Status.FAILED)
    assert remarks(points(study_of(small))) == [
        "d = 1000: one seed only, hence no error bar: uniform.",
        "d = 1000: vacuous bounds (no better than guessing), drawn hollow: uniform (1 of 1).",
        "d = 2000: no run with uniform allocation, so there is no baseline to compare with.",
        "d = 2000: no bounds of fixed 0.2 (seeds 999); learned (seeds 123).",
        "d = 2000: one seed only, hence no error bar: learned.",
    ]


def test_the_frontier_and_the_lines_over_size_follow_the_means(tmp_path: Path) -> None:
    shown = points(study_of(whole_study(tmp_path)))[:5]
    front = frontier(shown)
    assert [round(risk, 6) for _, risk in front] == [10.87, 10.7575, 10.72]
    assert [x for x, _ in front] == sorted(x for x, _ in front)
    sizes = by_size(shown, lambda point: point.bound)
    assert [round(size, 6) for size, _ in sizes] == [(3001 + 20 * place) / 8000 for place in range(5)]


def test_gates_by_layer_and_outside_the_layers(small: SweepBuilder) -> None:
    for seed, first in {42: 0.2, 123: 0.4}.items():
        gates = {"0": first, "layers.1.q": 0.5, "layers.1.v": 0.7, "head": 0.9}
        add_run(small, method_values(1000, "learned", None), seed, bounds_of(1000, 4, seed), gates)
    add_run(small, method_values(1000, "learned", None), 999, bounds_of(1000, 4, 999))
    add_run(small, method_values(1000, "uniform", None), 42, bounds_of(1000, 0, 42), {"0": 0.1})
    study = study_of(small)
    runs = run_gates(study)
    assert [(run.seed, dict(run.layers), dict(run.outside)) for run in runs] == [
        (42, {0: 0.2, 1: 0.6}, {"head": 0.9}),
        (123, {0: 0.4, 1: 0.6}, {"head": 0.9}),
    ]
    assert {layer: spread.values for layer, spread in over_seeds(runs).items()} == {0: (0.2, 0.4), 1: (0.6, 0.6)}
    assert outside_over_seeds(runs)["head"].values == (0.9, 0.9)
    names, gates_of_seeds = matrix(runs)
    assert names == ["0", "1", "head"]
    np.testing.assert_allclose(gates_of_seeds, [[0.2, 0.6, 0.9], [0.4, 0.6, 0.9]])
    assert remarks_on_gates(study) == ["d = 1000: no gates of seeds 999."]


def test_all_figures_of_the_study_are_drawn_from_the_tables_alone(tmp_path: Path) -> None:
    sweep = whole_study(tmp_path / "results")
    study = study_of(sweep)
    assert set(OF_THE_STUDY) <= set(default_figures(study))
    shutil.rmtree(sweep.root / "runs")
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("sweep.json", "trials.parquet", "metrics.parquet", "gates.parquet"):
        shutil.copy(sweep.directory.path / name, copy)
    files = draw_figures(Study.from_files(copy), tmp_path / "figures", OF_THE_STUDY)
    assert {file.name for file in files if file.suffix == ".png"} == {
        "pareto_frontier_d1000.png",
        "pareto_frontier_d2000.png",
        "compression_comparison_d1000.png",
        "compression_comparison_d2000.png",
        "allocation_comparison_grid.png",
        "learned_gating_heatmap_d1000.png",
        "learned_gating_heatmap_d2000.png",
        "learned_gating_trend.png",
    }
    assert {caption_of(file.stem) for file in files} == {FIGURES[name].caption for name in OF_THE_STUDY}


def test_a_poor_study_is_drawn_and_says_what_it_lacks(small: SweepBuilder) -> None:
    add_run(small, method_values(2000, "learned", None), 42, {**bounds_of(2000, 4, 42), "vacuous": 1.0}, gates_of(2000, 42))
    add_run(small, method_values(2000, "fixed", 0.2), 42, None)
    study = study_of(small)
    for name in OF_THE_STUDY[:3]:
        figure = FIGURES[name].draw(study)
        assert figure is not None
        shown = texts(figure).replace("\n    ", " ")
        assert "no run with uniform allocation" in shown
        assert "no bounds of fixed 0.2 (seeds 42)" in shown
        assert "vacuous" in shown
    for name in OF_THE_STUDY[3:]:
        figure = FIGURES[name].draw(study)
        assert figure is not None
        assert "one seed only" in texts(figure)


@pytest.mark.parametrize("name", OF_THE_STUDY)
def test_nothing_is_drawn_of_a_study_without_bounds_or_gates(small: SweepBuilder, name: str) -> None:
    for allocation, ratio in METHODS:
        add_run(small, method_values(1000, allocation, ratio), 42, None)
    assert FIGURES[name].draw(study_of(small)) is None
