"""``python -m analysis figures``: which figures of which runs."""

import shutil
from pathlib import Path

import pytest
from subspace_on_disk import add_run, bounds_of, empty_study, gates_of, method_values
from sweep_on_disk import SweepBuilder

from analysis.__main__ import main
from analysis.commands.figures import restricted, study_of
from analysis.figures.subspace.points import points


@pytest.fixture
def study(tmp_path: Path) -> SweepBuilder:
    """Two budgets, uniform and learned, two seeds."""
    sweep = empty_study(tmp_path)
    for budget in (1000, 2000):
        for seed in (42, 123):
            add_run(sweep, method_values(budget, "uniform", None), seed, bounds_of(budget, 0, seed))
            add_run(sweep, method_values(budget, "learned", None), seed, bounds_of(budget, 4, seed), gates_of(budget, seed))
    sweep.write()
    return sweep


def test_only_the_runs_of_the_named_budgets_and_seeds_are_drawn(study: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(study.directory.path)
    only = ["--only", "learned_gating_heatmap"]
    assert main(["figures", path, *only, "--budgets", "2000", "3000", "--seeds", "123", "7"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "no run has an intrinsic dimension of 3000 (there are 1000, 2000)",
        "no run has seed 7 (there are 42, 123)",
        f"{path}/figures/learned_gating_heatmap_d2000.png",
        f"{path}/figures/learned_gating_heatmap_d2000.pdf",
    ]


def test_what_a_restriction_leaves(study: SweepBuilder) -> None:
    whole = study_of(study.directory.path)
    part, remarks = restricted(whole, [1000], [42])
    assert [(point.budget, point.method.label, tuple(point.risk)) for point in points(part)] == [
        (1000, "uniform", (42,)),
        (1000, "learned", (42,)),
    ]
    assert remarks == []
    assert restricted(whole, [], [])[0].rows == whole.rows
    assert restricted(whole, [5], [])[0].rows == []


def test_without_a_ledger_the_tables_are_drawn_as_they_are(study: SweepBuilder, tmp_path: Path) -> None:
    made = study_of(study.directory.path)
    copy = tmp_path / "archive"
    copy.mkdir()
    for name in ("sweep.json", "trials.parquet", "metrics.parquet", "gates.parquet"):
        shutil.copy(study.directory.path / name, copy)
    before = {file.name: file.read_bytes() for file in copy.iterdir()}
    assert study_of(copy).rows == made.rows
    assert {file.name: file.read_bytes() for file in copy.iterdir()} == before


def test_a_front_of_two_metrics_has_a_file_of_its_own(study: SweepBuilder) -> None:
    path = study.directory.path
    of = ["--of", "bounds/kl_divergence", "bounds/empirical_bpd"]
    assert main(["figures", str(path), "--only", "pareto_front", *of]) == 0
    assert sorted(file.name for file in path.glob("figures/*.png")) == ["pareto_front__bounds_kl_divergence__bounds_empirical_bpd.png"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--only", "loss_curve"], "unknown figure 'loss_curve' (did you mean 'loss_curves'?)"),
        (["--only", "pareto_front", "--of", "eval/los", "memory/peak_gb"], "unknown metric 'eval/los' (did you mean 'eval/loss'?)"),
        (["--only", "contour", "--of", "adapter.allocation", "adapter.intrinsic_dm"], "unknown swept key 'adapter.intrinsic_dm'"),
        (["--of", "a", "b"], "--of a b needs one --only that takes two things: contour, pareto_front"),
        (["--only", "loss_curves", "--of", "a", "b"], "needs one --only that takes two things"),
        (["--budgets", "many"], "invalid int value: 'many'"),
    ],
)
def test_a_wrong_request_is_told_and_nothing_is_written(
    study: SweepBuilder, options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(study.directory.path.rglob("*"))
    assert main(["figures", str(study.directory.path), *options]) == 2
    assert told in capsys.readouterr().err
    assert sorted(study.directory.path.rglob("*")) == before


def test_a_damaged_statement_is_told_once_and_is_no_traceback(study: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    study.directory.statement.write_text("{")
    assert main(["figures", str(study.directory.path), "--only", "contour", "--of", "a", "b"]) == 1
    assert capsys.readouterr().err.count("cannot be read as a sweep statement") == 1
