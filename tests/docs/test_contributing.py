"""The examples of CONTRIBUTING.md: applied to a copy of the sources, and used."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = [
    *("sweeps", "trainable", "search_spaces", "analysis", "tests/trainable/optim", "tests/analysis"),
    *("tests/conftest.py", "pyproject.toml"),
]
CHECKED = ["trainable/optim", "sweeps/weight_decay_ablation.py", "search_spaces", "analysis/figures"]
PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
USE = """
from pathlib import Path
import sys
from sweeps.runner.blueprint import draw_up
from sweeps.weight_decay_ablation import SWEEP
from trainable.request import request_run

assert request_run(["optimizer=radam"]).optimizer.name == "radam"
assert draw_up(SWEEP, []).expected_trials[0] == 4
assert Path(sys.modules["sweeps"].__file__).is_relative_to(Path.cwd())
"""
DRAWING = """
from sweep_on_disk import SweepBuilder

from analysis.figures import step_times
from analysis.figures.registry import FIGURES
from analysis.load import load_sweep
from analysis.study import Study
from analysis.summarize import summarize


def test_it_is_drawn_where_the_metric_was_measured(lived: SweepBuilder) -> None:
    sweep = load_sweep(lived.write())
    study = Study(sweep.statement, summarize(sweep), sweep.directory.metrics)
    assert FIGURES["step_times"].draw(study) is None
    step_times.METRIC = "time/tokens_per_sec"
    assert FIGURES["step_times"].draw(study) is not None
"""


def run(command: list[str], folder: Path, text: str | None = None) -> None:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True, timeout=240, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("applied")
    for name in COPIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    diffs = re.findall(r"^```diff\n(.*?)^```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(diffs) == 3
    run(["git", "apply", "--unidiff-zero", "-"], folder, "".join(diffs))
    return folder


def test_the_examples_can_be_applied_and_are_well_formed(applied: Path) -> None:
    run([sys.executable, "-m", "ruff", "check", "--no-cache", *CHECKED], applied)
    run([sys.executable, "-m", "ruff", "format", "--no-cache", "--check", *CHECKED], applied)


@pytest.mark.slow
def test_what_they_add_is_there(applied: Path) -> None:
    run([sys.executable, "-c", USE], applied)


@pytest.mark.slow
def test_the_optimizer_keeps_its_contract(applied: Path) -> None:
    run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-k", "radam", "tests/trainable/optim/test_optimizer_contract.py"],
        applied,
    )


@pytest.mark.slow
def test_the_figure_is_drawn(applied: Path) -> None:
    (applied / "tests/analysis/test_drawn.py").write_text(DRAWING)
    run([*PYTEST, "tests/analysis/test_drawn.py"], applied)
