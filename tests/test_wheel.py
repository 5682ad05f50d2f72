"""The wheel is the project: nothing that a program needs is left behind in the checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("sweeps", "trainable", "search_spaces", "analysis")
BESIDE = ("LICENSE", "README.md", "pyproject.toml")


def run(command: list[str], folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: setuptools would keep its intermediate files beside the sources, and take them for sources the next time."""
    folder = tmp_path_factory.mktemp("wheel")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / "sources" / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in BESIDE:
        shutil.copy2(ROOT / name, folder / "sources")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-build-isolation", "--no-deps", "--no-index"]
    run([*pip, "--wheel-dir", str(folder), str(folder / "sources")], folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment that has the wheel, and sees this environment's libraries but not its checkout."""
    folder = tmp_path_factory.mktemp("environment")
    run([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder)
    (site,) = folder.glob("lib/python*/site-packages")
    # A path in a .pth file is searched, and .pth files in it are not read: this project's editable installation stays out.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(folder / "bin" / "python")]
    run([*pip, "install", "--no-deps", "--no-index", "--no-compile", "--ignore-installed", str(wheel)], folder)
    return folder / "bin"


@pytest.mark.slow
def test_the_wheel_has_every_file_of_the_packages(wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    sources = wheel.parent / "sources"
    ours = {path.relative_to(sources).as_posix() for package in PACKAGES for path in (sources / package).rglob("*") if path.is_file()}
    assert inside == ours
    assert {f"{package}/py.typed" for package in PACKAGES} <= inside


@pytest.mark.slow
def test_a_sweep_is_composed_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    home = run([str(installed / "python"), "-c", "import sweeps; print(sweeps.__file__)"], tmp_path)
    assert Path(home).is_relative_to(installed.parent)
    assert "AdamW's customary learning rate" in run([str(installed / "sweeps"), "lr_ablation", "--dry-run"], tmp_path)
    assert "lr_ablation" in run([str(installed / "sweeps")], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_run_is_trained_from_an_empty_folder(installed: Path, tmp_path: Path, tiny_overrides: Callable[..., list[str]]) -> None:
    printed = run([str(installed / "sweeps-train"), *tiny_overrides(results=tmp_path / "results")], tmp_path)
    assert "step 12/12  completed" in printed
    (run_dir,) = (tmp_path / "results" / "runs").iterdir()
    assert (run_dir / "summary.json").is_file()
    assert "summarize" in run([str(installed / "sweeps-analysis"), "--help"], tmp_path)


@pytest.mark.ray
@pytest.mark.slow
def test_a_sweep_runs_from_an_empty_folder(installed: Path, tmp_path: Path, tiny_overrides: Callable[..., list[str]]) -> None:
    """With Ray's workers, which import the project on their own, to the verdict and its page."""
    short = ["schedule.warmup_steps=2", "scheduler.grace_steps=4", "sweep.seeds=[1,2]", "confirm.finalists=1"]
    printed = run([str(installed / "sweeps"), "lr_ablation", *tiny_overrides(*short)], tmp_path)
    assert "13 trials: " in printed
    (sweep_dir,) = (tmp_path / "results" / "sweeps").iterdir()
    assert f"read results/sweeps/{sweep_dir.name}/RESULTS.md" in printed
    assert {"RESULTS.md", "report.html", "trials.parquet"} <= {path.name for path in sweep_dir.iterdir()}
    listed = run([str(installed / "sweeps")], tmp_path)
    assert f"results/sweeps/{sweep_dir.name}: finished, 13 of 13 started trials ended" in listed


def test_every_console_script_names_a_function() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    for target in scripts.values():
        module, _, function = target.partition(":")
        path = ROOT / module.replace(".", "/")
        source = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()
        assert f"\ndef {function}(" in source, target
