"""The notebook of a sweep is run from top to bottom, and says what the report says."""

import ast
import json
import re
import runpy
from pathlib import Path

import jupytext
import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from sweep_on_disk import LR, SweepBuilder, lived_sweep

from analysis.__main__ import main
from analysis.notebook.percent import Cell, as_percent, markdown


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sweep = lived_sweep(tmp_path_factory.mktemp("notebook"))
    directory = sweep.write().path
    assert main(["notebook", str(directory), "--ipynb"]) == 0
    return directory


def run(file: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """As ``python analysis.py`` does, from another folder than the notebook's; warnings are errors here."""
    with mpl.rc_context():
        plt.switch_backend("agg")
        runpy.run_path(str(file), run_name="__main__")
        plt.close("all")
    return capsys.readouterr().out


def test_it_runs_and_agrees_with_the_report(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = run(written / "analysis.py", capsys)
    winner = next(line for line in printed.splitlines() if line.startswith("lr = 0.01 ") and "-0.0966" in line)
    # Three seeds, mean 3.70367; the pairs are -10 %, -10 % and -9 % against the baseline.
    assert winner.split()[3:5] == ["3", "3.703667"]
    assert (written / "plots" / "convergence.png").is_file()
    assert (written / "plots" / "memory.png").is_file()
    assert "9.67% better than the baseline" in (written / "analysis.py").read_text()


def test_it_has_the_parts_of_the_protocols_template(written: Path) -> None:
    text = (written / "analysis.py").read_text()
    titles = re.findall(r"^# ##? (.+)$", text, flags=re.MULTILINE)
    assert titles == [
        "Analysis: lr_ablation",
        "Setup",
        "Load Data",
        "Analysis 1: Convergence",
        "Analysis 2: Memory Profile",
        "Comparison with Baseline",
        "Conclusions",
        "Next Steps",
    ]
    assert "**Objective:** A larger learning rate trains faster." in text


def test_jupytext_reads_the_same_cells(written: Path) -> None:
    notebook = jupytext.read(written / "analysis.py")
    kinds = [cell["cell_type"] for cell in notebook.cells]
    other = json.loads((written / "analysis.ipynb").read_text())
    assert kinds == [cell["cell_type"] for cell in other["cells"]]
    assert kinds.count("code") == 6
    for cell in notebook.cells:
        if cell["cell_type"] == "code":
            ast.parse(cell["source"])
    assert all(cell["outputs"] == [] for cell in other["cells"] if cell["cell_type"] == "code")


def test_a_sweep_without_trials_has_a_notebook_that_runs(sweep: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    directory = sweep.write().path
    assert main(["notebook", str(directory)]) == 0
    assert "Empty DataFrame" in run(directory / "analysis.py", capsys)


def test_somebodys_work_is_not_overwritten(sweep: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    sweep.trial({LR: 0.01})
    directory = sweep.write().path
    (directory / "analysis.py").write_text("mine")
    assert main(["notebook", str(directory)]) == 2
    assert "may hold somebody's work; --force writes it anew" in capsys.readouterr().err
    assert (directory / "analysis.py").read_text() == "mine"
    assert main(["notebook", str(directory), "--force"]) == 0
    assert (directory / "analysis.py").read_text() != "mine"


def test_text_from_outside_stays_in_its_cell() -> None:
    text = as_percent([markdown("a\n# %%\nimport os"), Cell("x = 1")])
    notebook = jupytext.reads(text, fmt="py:percent")
    assert [cell["cell_type"] for cell in notebook.cells] == ["markdown", "code"]
