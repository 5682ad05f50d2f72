import re
from pathlib import Path

import pytest
from sweep_on_disk import LR, SweepBuilder, lived_sweep, losses

from analysis.load import load_sweep
from analysis.report.conclusion import Conclusion, conclude
from analysis.report.exploration import savings
from analysis.report.markdown import bytes_shown, duration, mean_and_std, number, table
from analysis.summarize import rows_of_sweep
from trainable.spec.status import Status


def sections(page: str) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    return dict(zip((title.split(" (")[0] for title in parts[1::2]), parts[2::2], strict=True))


@pytest.fixture(scope="module")
def concluded(tmp_path_factory: pytest.TempPathFactory) -> tuple[SweepBuilder, Conclusion]:
    sweep = lived_sweep(tmp_path_factory.mktemp("lived"))
    return sweep, conclude(sweep.write())


@pytest.fixture
def page(concluded: tuple[SweepBuilder, Conclusion]) -> dict[str, str]:
    return sections(concluded[0].directory.results.read_text())


def test_the_page_tells_the_verdict_first_and_everything_after(page: dict[str, str]) -> None:
    assert list(page) == [
        "Verdict",
        "Overview",
        "Results",
        "Key findings",
        "Figures",
        "Exploration",
        "Training duration",
        "Memory",
        "Checkpoint verification",
        "Storage",
        "Issues and notes",
        "Next steps",
        "Files",
        "Appendix: useful commands",
    ]
    assert "✅ **CONFIRMED**: the winner beats the baseline (lr = 0.01 (winner))" in page["Verdict"]
    assert "A larger learning rate trains faster. Written down 2026-03-01T11:59:00+00:00, before the first trial." in page["Overview"]
    assert "13 trials: 10 completed, 1 diverged, 1 failed, 1 stopped early" in page["Overview"]


def test_the_table_of_cells(page: dict[str, str]) -> None:
    rows = [line for line in page["Results"].splitlines() if line.startswith("| lr")]
    assert rows[0] == "| lr = 3e-3 (baseline) | 3 | 4.10 ± 0.10 | 4.1000 | – | – | – | – | 0 |"
    # (3.6 + 3.78 + 3.731) / 3 = 3.70367; the pairs are -10 %, -10 % and -9 %.
    assert rows[1].startswith("| lr = 0.01 (winner) | 3 | 3.704 ± 0.093 | 3.7310 | -0.3963 | -9.67% | -9.67% [")


def test_the_exploration_says_where_each_trial_stopped_and_why(page: dict[str, str]) -> None:
    text = page["Exploration"]
    assert "| lr = 1e-4 | 6.5000 | 6.5000 | 20 of 40 | stopped_early | asha: 6.5000 against a cutoff of 5.5000 |" in text
    assert "| lr = 1 | – | – | 20 of 40 | diverged | loss is not finite |" in text
    # 40 + 40 + 20 + 20 + 10 + 40 of 6 x 40 steps; the run directory of the seventh is gone.
    assert (
        "6 trials took 170 of the 240 steps that full runs would have taken: ASHA and the early end of diverged trials saved 29%." in text
    )
    assert "1 more trials left no step count" in text


def test_trouble_and_damage_are_listed(page: dict[str, str]) -> None:
    assert "| lr = 0.1 | 0 | explore | failed | 1 | RuntimeError: disk full |" in page["Issues and notes"]
    damaged = page["Issues and notes"].split("### Missing, damaged or contradictory")[1]
    assert "run directory missing" in damaged
    assert "last line of metrics.csv torn" in damaged


def test_how_to_reproduce_and_files(concluded: tuple[SweepBuilder, Conclusion], page: dict[str, str]) -> None:
    lived = concluded[0]
    assert "git checkout abc123\npython -m sweeps.lr_ablation\n" in page["Appendix: useful commands"]
    assert str(lived.root.parent) not in lived.directory.results.read_text()
    for link in re.findall(r"!\[\w+\]\((.+?)\)", page["Figures"]):
        assert (lived.directory.path / link).is_file()
    for name in re.findall(r"^- `([\w.]+)`", page["Files"], flags=re.MULTILINE):
        assert (lived.directory.path / name).is_file()


def test_what_the_driver_gets(concluded: tuple[SweepBuilder, Conclusion]) -> None:
    lived, conclusion = concluded
    assert [verdict.outcome for verdict in conclusion.verdicts] == ["CONFIRMED"]
    assert [cell.n for cell in conclusion.cells] == [3, 3]
    assert len(conclusion.header) == len(conclusion.table[0])
    assert all(file.is_file() for file in conclusion.files)
    assert conclusion.notes == ["2 of 13 trials have missing, damaged or contradictory files (column `note`)"]
    assert "CONFIRMED: the winner beats the baseline (optimizer.lr = 0.01)" in conclusion.as_text()
    assert not [path for path in lived.directory.path.rglob("*") if path.name.endswith(".tmp")]


def test_concluding_twice_changes_nothing(concluded: tuple[SweepBuilder, Conclusion]) -> None:
    lived = concluded[0]

    def contents() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in lived.root.rglob("[!.]*") if path.is_file()}

    first = contents()
    conclude(lived.directory)
    assert contents() == first


def test_a_sweep_that_has_barely_begun_has_a_page_too(sweep: SweepBuilder) -> None:
    conclusion = conclude(sweep.write())
    text = sweep.directory.results.read_text()
    assert (conclusion.trials, conclusion.table, conclusion.savings.share_saved) == ("0 trials", [], None)
    assert "No cell has been confirmed yet." in text
    assert "❔ **UNDECIDED**" in text
    assert "## Exploration" not in text


def test_savings_leave_out_trials_under_way(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01})
    sweep.trial({LR: 0.02}, status=Status.STOPPED_EARLY, rows=losses(6.0, steps=10))
    sweep.trial({LR: 0.03}, status=Status.RUNNING, rows=losses(6.0, steps=20))
    sweep.trial({LR: 0.04}, status=Status.STOPPED_EARLY, rows=losses(6.0, steps=10), max_steps=80)
    sweep.confirm({LR: 0.01}, {1: 3.0})
    saved = savings(rows_of_sweep(load_sweep(sweep.write())), 40)
    assert (saved.trials, saved.steps, saved.full_steps, saved.unknown) == (3, 60, 160, 0)
    assert saved.share_saved == 1 - 60 / 160


def test_texts_from_outside_cannot_break_a_table(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01}, status=Status.FAILED, error="Traceback\nValueError: a | b")
    conclude(sweep.write())
    text = sections(sweep.directory.results.read_text())["Issues and notes"]
    assert "| ValueError: a \\| b |" in text
    assert table(["x"], [["a\nb"]]) == ["| x |", "| --- |", "| a b |"]


def test_numbers_as_text() -> None:
    assert [number(v) for v in (None, 0.0, 3.14159, 12345.678, 1e-5, 1e7, float("nan"))] == [
        "–",
        "0",
        "3.1416",
        "12346",
        "1.000e-05",
        "1.000e+07",
        "nan",
    ]
    assert [mean_and_std(*v) for v in ((3.3332, 0.0312), (8964.4, 46.7), (2.0, None), (2.0, 0.0), (None, None))] == [
        "3.333 ± 0.031",
        "8964 ± 47",
        "2.0000",
        "2.0000 ± 0",
        "–",
    ]
    assert [bytes_shown(v) for v in (None, 12, 8e6, 2.5e9)] == ["–", "12 B", "8.00 MB", "2.50 GB"]
    assert [duration(v) for v in (9.96, 61, 3720)] == ["10.0 s", "1 min 01 s", "1 h 02 min"]
