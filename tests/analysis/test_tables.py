"""What the tables hold, computed by hand or by pandas from the same rows, and that the Parquet alone gives them again."""

import csv
import io
import json
import shutil
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pandas as pd
import pytest
from scipy import stats
from sweep_on_disk import LR, SweepBuilder

from analysis.__main__ import main
from analysis.compare import compare
from analysis.load import load_sweep
from analysis.paired_tests import paired_tests
from analysis.significance.bootstrap import bca_interval
from analysis.study import Study
from analysis.summarize import summarize
from analysis.tables.claims_table import claims_table
from analysis.tables.comparison_table import comparison_table
from analysis.tables.csv_form import csv_form
from analysis.tables.optimizer_table import optimizer_table
from analysis.tables.registry import FORMS, TABLES, write_tables
from analysis.tables.results_table import results_table
from analysis.tables.significance_table import significance_table
from analysis.tables.subspace_table import subspace_table
from analysis.tables.table import Table
from trainable.spec.statement import EQUIVALENCE, Claim
from trainable.spec.status import Stage, Status
from trainable.spec.sweep_dir import SweepDir

BASE = {1: 4.0, 2: 4.2, 3: 4.1, 4: 4.05}
WINNER = {1: 3.6, 2: 3.78, 3: 3.731, 4: 3.6}


def study_of(sweep: SweepBuilder) -> Study:
    loaded = load_sweep(sweep.write())
    return Study(loaded.statement, summarize(loaded), loaded.directory.metrics)


@pytest.fixture
def confirmed(sweep: SweepBuilder) -> SweepBuilder:
    sweep.statement.seeds = [1, 2, 3, 4]
    sweep.finalists(sweep.cell({LR: 0.01}))
    sweep.trial({LR: 0.01}, final=0.1)
    sweep.confirm({LR: 0.003}, BASE)
    sweep.confirm({LR: 0.01}, WINNER)
    return sweep


def texts(table: Table | None) -> list[list[str]]:
    assert table is not None
    assert all(len(row) == len(table.header) for row in table.rows)
    return [[entry.text for entry in row] for row in table.rows]


def best(table: Table | None) -> list[tuple[int, int]]:
    assert table is not None
    return [(r, c) for r, row in enumerate(table.rows) for c, entry in enumerate(row) if entry.best]


def numbers(table: Table | None) -> list[dict[str, str]]:
    assert table is not None
    return list(csv.DictReader(io.StringIO(csv_form(table, "x"))))


def test_results_of_each_cell(confirmed: SweepBuilder) -> None:
    table = results_table(study_of(confirmed))
    baseline, winner = texts(table)
    assert baseline == ["lr = 3e-3 (baseline)", "4", "4.088 ± 0.085", "4.0750", "–", "–"]
    assert winner[:4] == ["lr = 0.01 (winner)", "4", "3.678 ± 0.092", "3.6655"]
    reference = stats.ttest_rel(list(WINNER.values()), list(BASE.values())).confidence_interval(0.95)
    assert winner[4] == f"-0.4097 [{reference.low:+.4f}, {reference.high:+.4f}]"
    assert best(table) == [(1, 2)]


def test_results_in_full_precision(confirmed: SweepBuilder) -> None:
    baseline, winner = numbers(results_table(study_of(confirmed)))
    assert (baseline["role"], baseline["difference"], winner["role"], winner["config.optimizer.lr"]) == ("baseline", "", "winner", "0.01")
    assert float(winner["mean"]) == fmean(WINNER.values())
    assert float(winner["std"]) == stdev(WINNER.values())
    relative = [WINNER[seed] / BASE[seed] - 1 for seed in BASE]
    interval = stats.ttest_1samp(relative, 0.0).confidence_interval(0.95)
    assert [float(winner[name]) for name in ("relative", "relative_low", "relative_high")] == pytest.approx(
        [fmean(relative), interval.low, interval.high]
    )


def test_where_higher_is_better_the_sign_stays_natural_and_the_best_is_the_highest(confirmed: SweepBuilder) -> None:
    confirmed.statement.higher_is_better = True
    table = results_table(study_of(confirmed))
    assert float(numbers(table)[1]["relative"]) < 0
    assert texts(table)[1][5].startswith("-10.0")
    assert best(table) == [(0, 2)]


def test_a_cell_with_a_dead_seed_says_so_and_is_never_best(confirmed: SweepBuilder) -> None:
    confirmed.confirm({LR: 0.1}, {1: 1.0, 2: 1.0, 3: 1.0})
    confirmed.trial({LR: 0.1}, seed=4, stage=Stage.CONFIRM, status=Status.DIVERGED)
    confirmed.confirm({LR: 0.2}, {1: 0.5})
    table = results_table(study_of(confirmed))
    assert table is not None
    assert table.header[-1] == "dead seeds"
    by_name = {row[0]: row[-1] for row in texts(table)}
    assert by_name["lr = 0.1"] == "4 (diverged)"
    assert by_name["lr = 0.2"] == "2 (no full run yet), 3 (no full run yet), 4 (no full run yet)"
    assert [texts(table)[r][0] for r, _ in best(table)] == ["lr = 0.01 (winner)"]


def test_the_tests_are_scipys(confirmed: SweepBuilder) -> None:
    (row,) = numbers(significance_table(study_of(confirmed)))
    ours, theirs = list(WINNER.values()), list(BASE.values())
    assert float(row["paired_t_p"]) == pytest.approx(stats.ttest_rel(ours, theirs).pvalue)
    assert float(row["welch_p"]) == pytest.approx(stats.ttest_ind(ours, theirs, equal_var=False).pvalue)
    assert float(row["wilcoxon_p"]) == pytest.approx(stats.wilcoxon(ours, theirs).pvalue) == 0.125
    assert float(row["ratio"]) == pytest.approx(stats.gmean([a / b for a, b in zip(ours, theirs, strict=True)]))
    assert float(row["cohens_dz"]) == pytest.approx(stats.ttest_rel(ours, theirs).statistic / 2)
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    assert (float(row["bca_low"]), float(row["bca_high"])) == bca_interval(differences, 0.95)


def test_pairs_are_seeds_that_both_have(confirmed: SweepBuilder) -> None:
    confirmed.confirm({LR: 0.1}, {2: 4.3, 4: 4.1})
    study = study_of(confirmed)
    cells = compare(study.statement, study.rows)
    tests = paired_tests(study.statement, cells)
    other = next(cell.cell for cell in cells if cell.values[LR] == 0.1)
    assert tests[other].difference.n == 2
    assert tests[other].difference.estimate == pytest.approx(0.075)
    assert study.statement.baseline_cell not in tests
    assert paired_tests(study.statement, [cell for cell in cells if not cell.is_baseline]) == {}


def test_claims_with_both_p_values(confirmed: SweepBuilder) -> None:
    confirmed.statement.claims = [
        Claim("5 % better", -0.05),
        Claim("the same", 0.01, kind=EQUIVALENCE),
        Claim("not tried", 0.0, cell={LR: 1.0}),
    ]
    table = claims_table(study_of(confirmed))
    assert [row[1:3] for row in texts(table)] == [["superiority", "CONFIRMED"], ["equivalence", "REFUTED"], ["superiority", "UNDECIDED"]]
    assert [row[4] for row in texts(table)] == ["< -5.00%", "±1.00%", "< +0.00%"]
    rows = numbers(table)
    p_values = [float(row["p_value"]) for row in rows[:2]]
    assert [float(row["adjusted_p_value"]) for row in rows[:2]] == pytest.approx([2 * p_values[0], 3 * p_values[1]])
    assert (rows[2]["p_value"], rows[2]["cell"], rows[2]["reason"]) == ("", "", "no trial has the values {'optimizer.lr': 1.0}")


def test_the_comparison_is_pandas_groupby(confirmed: SweepBuilder) -> None:
    study = study_of(confirmed)
    frame = pd.DataFrame(study.rows)
    frame = frame[frame["stage"] == "confirm"].groupby("cell")["memory/peak_gb"].agg(["mean", "count"])
    for row in numbers(comparison_table(study)):
        assert (float(row["memory/peak_gb"]), int(row["memory/peak_gb n"])) == tuple(frame.loc[row["cell"]])
    table = comparison_table(study)
    assert table is not None
    assert table.header[:2] == ["configuration", "Validation loss (nats/token)"]
    assert texts(table)[1][1] == "3.678 ± 0.092 (-10.0%)"
    # What is the same in every cell has no best.
    assert best(table) == [(1, 1)]


def test_each_optimizer_with_its_best_configuration(sweep: SweepBuilder) -> None:
    sweep.statement.varied, sweep.statement.baseline_values = ["optimizer", LR], {"optimizer": "adamw", LR: 0.01}
    speeds = {"time/tokens_per_sec": 900.0, "memory/peak_gb": 0.5}
    for optimizer, lr, loss, state in (("adamw", 0.01, 4.0, 8e6), ("muon", 0.01, 3.8, 5e6), ("muon", 0.02, 3.7, 5e6), ("sgd", 0.1, 5.0, 0)):
        for seed in (1, 2, 3):
            final = loss + seed / 100
            told = {"final": final, "metrics": {"eval/loss": final, **speeds}, "optimizer_state_bytes": state}
            sweep.trial({"optimizer": optimizer, LR: lr}, seed=seed, stage=Stage.CONFIRM, **told)
    table = optimizer_table(study_of(sweep))
    assert [row[:2] for row in texts(table)] == [["adamw (baseline)", "0.01"], ["muon", "0.02"], ["sgd", "0.1"]]
    assert table is not None
    state = table.header.index("State (bytes/parameter)")
    assert [row[state] for row in texts(table)] == ["8.0000", "5.0000 (-37.5%)", "0 (-100.0%)"]
    assert best(table) == [(1, 2), (2, state)]


def test_a_sweep_of_one_optimizer_has_no_table_of_them(confirmed: SweepBuilder) -> None:
    assert optimizer_table(study_of(confirmed)) is None


def test_before_the_confirmation_there_is_nothing_but_claims(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01})
    study = study_of(sweep)
    assert [name for name, build in TABLES.items() if build(study) is not None] == ["claims"]


KEYS = ("adapter.intrinsic_dim", "adapter.allocation", "adapter.allocation_ratio")


def subspace(sweep: SweepBuilder, budgets: tuple[int, ...] = (2000, 1000), **measured: float) -> Study:
    sweep.statement.varied = list(KEYS)
    for budget in budgets:
        for place, (mode, ratio) in enumerate([("learned", None), ("fixed", 0.8), ("fixed", 0.2), ("uniform", None)]):
            for seed in (1, 2, 3):
                bounds = {
                    "bounds/empirical_bpd": 5.0 + place + seed / 10_000,
                    "bounds/kl_divergence": 1000.0 + 100 * seed,
                    "bounds/bound_value": 7.0 + seed / 1000,
                    "bounds/compressed_size_bits": 80_000.0 + 8000 * seed,
                    "bounds/vacuous": float(mode == "fixed" and ratio == 0.8 and seed == 2),
                    **measured,
                }
                values = dict(zip(KEYS, (budget, mode, ratio), strict=True))
                sweep.trial(values, seed=seed, stage=Stage.CONFIRM, metrics={"eval/loss": 5.0, **bounds})
    return study_of(sweep)


def test_the_summary_of_the_subspace_study(sweep: SweepBuilder) -> None:
    table = subspace_table(subspace(sweep))
    assert table is not None
    assert csv_form(table, "x").splitlines() == [
        "budget,mode,ratio,BPD,KL,Bound,Size (KB)",
        *(
            f"{budget},{mode},{ratio},{bpd}.0002 ± 0.0001,1200.00 ± 100.00,7.0020 ± 0.0010{vacuous},12.0 ± 1.0"
            for budget in (1000, 2000)
            for mode, ratio, bpd, vacuous in (
                ("uniform", "–", 8, ""),
                ("fixed", "0.2", 7, ""),
                ("fixed", "0.8", 6, " (vacuous)"),
                ("learned", "–", 5, ""),
            )
        ),
    ]
    assert table.footnotes == {"vacuous": "Vacuous for at least one seed: no better than guessing."}


def test_an_allocation_without_bounds_keeps_its_row_and_missing_seeds_are_marked(sweep: SweepBuilder) -> None:
    values = dict(zip(KEYS, (3000, "learned", None), strict=True))
    sweep.trial(values, seed=1, stage=Stage.CONFIRM, metrics={"bounds/empirical_bpd": 4.0, "bounds/bound_value": 5.0})
    sweep.trial(values, seed=2, stage=Stage.CONFIRM, status=Status.FAILED)
    sweep.trial({**values, KEYS[1]: "uniform"}, seed=1, stage=Stage.CONFIRM, status=Status.DIVERGED)
    table = subspace_table(subspace(sweep, (1000,)))
    assert table is not None
    assert csv_form(table, "x").splitlines()[-2:] == [
        "3000,uniform,–,– (seeds missing),–,–,–",
        "3000,learned,–,4.0000 (seeds missing),–,5.0000,–",
    ]
    assert list(table.footnotes) == ["seeds missing", "vacuous"]


def test_one_budget_that_is_not_varied_has_a_summary_too(sweep: SweepBuilder) -> None:
    study = subspace(sweep, (1000,))
    statement = study.statement
    statement.varied.remove(KEYS[0])
    statement.base_config["adapter"] = {"intrinsic_dim": 1000}
    rows = [{name: value for name, value in row.items() if name != f"config.{KEYS[0]}"} for row in study.rows]
    assert [row[:3] for row in texts(subspace_table(Study(statement, rows, study.metrics)))] == [
        ["1000", "uniform", "–"],
        ["1000", "fixed", "0.2"],
        ["1000", "fixed", "0.8"],
        ["1000", "learned", "–"],
    ]


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_parquet_and_the_statement_alone_give_the_same_bytes_again(confirmed: SweepBuilder, tmp_path: Path) -> None:
    confirmed.statement.claims = [Claim("5 % better", -0.05), Claim("the same", 0.01, kind=EQUIVALENCE)]
    directory = confirmed.write()
    summarize(load_sweep(directory))
    files = write_tables(directory, directory.tables)
    assert {file.suffix.removeprefix(".") for file in files} == set(FORMS)
    elsewhere = SweepDir(tmp_path / "archived")
    elsewhere.path.mkdir()
    for file in (directory.statement, directory.trials):
        shutil.copy(file, elsewhere.path)
    write_tables(elsewhere, elsewhere.tables)
    assert written(elsewhere.tables) == written(directory.tables)


def run(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command_writes_every_table_in_every_form(confirmed: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    directory = confirmed.write()
    code, out, _ = run(capsys, "tables", directory.path)
    assert code == 0
    assert [Path(line).name for line in out.splitlines()] == [
        f"{name}.{form}" for name in ("results", "claims", "significance", "comparison") for form in ("csv", "md", "tex")
    ]
    assert json.loads(directory.statement.read_text())["name"] in (directory.tables / "results.tex").read_text().replace("-", "_")


def test_the_command_takes_an_archived_table_as_it_is(confirmed: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    directory = confirmed.write()
    run(capsys, "tables", directory.path, "--only", "results")
    before, first = directory.trials.read_bytes(), written(directory.tables)
    directory.ledger.unlink()
    shutil.rmtree(confirmed.root / "runs")
    assert run(capsys, "tables", directory.path, "--only", "results")[0] == 0
    assert (directory.trials.read_bytes(), written(directory.tables)) == (before, first)


def test_a_wrong_table_and_a_missing_parquet(confirmed: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    directory = confirmed.write()
    code, _, err = run(capsys, "tables", directory.path, "--only", "result")
    assert (code, "did you mean 'results'" in err) == (2, True)
    code, _, err = run(capsys, "tables", directory.path, "--from-parquet")
    assert (code, "trials.parquet cannot be read" in err, directory.tables.exists()) == (1, True, False)
