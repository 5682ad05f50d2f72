"""Every way to be wrong that we know: exit 2, what was given, the rule, what to write instead; no traceback, nothing written."""

import importlib
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from sweeps.lr_ablation import SWEEP
from sweeps.runner.blueprint import draw_up
from sweeps.runner.ledger import Ledger
from tests.wrong_requests import CASES, CONTENTS
from trainable.spec.command import run_command
from trainable.spec.sweep_dir import SweepDir

ROOT = Path(__file__).resolve().parents[1]


def test_there_are_many_cases_and_each_is_one() -> None:
    lines = [line for line, _ in CASES]
    assert len(lines) >= 60
    assert len(set(lines)) == len(lines)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files and folders of the kinds that are mistaken for something else."""
    folder = tmp_path_factory.mktemp("place")
    for name, content in CONTENTS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "empty_folder").mkdir()
    return folder


def on_disk(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def program(name: str) -> Callable[[list[str]], int | None]:
    """The main function behind ``python -m <name>``."""
    if name == "sweeps":
        listing = importlib.import_module("sweeps.__main__").main
        return lambda words: run_command(lambda: listing(words))
    if name == "analysis":
        return importlib.import_module("analysis.__main__").main  # type: ignore[no-any-return]
    if name == "sweeps.cluster":
        return importlib.import_module("sweeps.runner.cluster.command_line").main  # type: ignore[no-any-return]
    if name.startswith("sweeps."):
        main, sweep = importlib.import_module("sweeps.runner.cli").main, importlib.import_module(name).SWEEP
        return lambda words: main(sweep, words)
    module = importlib.import_module("trainable.bounds.__main__" if name == "trainable.bounds" else name)
    return lambda words: run_command(lambda: module.main(words))


@pytest.mark.parametrize(("line", "parts"), CASES, ids=[line for line, _ in CASES])
def test_a_wrong_request_is_told_and_leaves_nothing(
    line: str, parts: list[str], place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def started(*_arguments: object, **_options: object) -> NoReturn:
        raise AssertionError(f"{line} was accepted")

    name, *words = shlex.split(line)
    monkeypatch.chdir(place)
    monkeypatch.setenv("HOME", f"{place}_of_nobody")
    for credential in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "NETRC", "NOT_SET"):
        monkeypatch.delenv(credential, raising=False)
    monkeypatch.setattr("sweeps.runner.cli.drive", started)
    if name == "trainable.train":
        monkeypatch.setattr("trainable.train.Trainer", started)
    before = on_disk(place)
    try:
        code = program(name)(words)
    except SystemExit as left:
        code = left.code  # type: ignore[assignment]
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert "error: " in err
    assert [part for part in parts if part not in err] == [], err
    assert on_disk(place) == before


def test_a_damaged_ledger_is_named_with_its_line_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = started_sweep(tmp_path, monkeypatch) / "ledger.jsonl"
    damaged = b'{"event": "driver_started", "ti\n{"event": "driver_ended", "time": "2026-03-01T12:00:00+00:00", "status": "finished"}\n'
    ledger.write_bytes(damaged)
    assert exit_code("sweeps.lr_ablation") == 2
    assert f"{ledger}" in (err := capsys.readouterr().err)
    assert "line 1" in err
    assert ledger.read_bytes() == damaged
    assert not Path("results/runs").exists()


def test_a_damaged_statement_is_named_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    statement = started_sweep(tmp_path, monkeypatch) / "sweep.json"
    statement.write_bytes(b'{"format": ')
    assert exit_code("sweeps.lr_ablation") == 2
    assert f"{statement} cannot be read" in capsys.readouterr().err
    assert statement.read_bytes() == b'{"format": '
    assert not Path("data").exists()


def test_a_sweep_that_another_driver_has_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep_dir = SweepDir(started_sweep(tmp_path, monkeypatch))
    ledger = Ledger(sweep_dir)
    try:
        assert exit_code("sweeps.lr_ablation") == 2
    finally:
        ledger.close()
    told = capsys.readouterr().err
    assert f"{sweep_dir.path} is in use by another driver (host {socket.gethostname()}, pid {os.getpid()})" in told
    assert "--fresh" in told
    assert not Path("data").exists()


def started_sweep(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of ``sweeps.lr_ablation`` below `folder`, which becomes the working directory."""
    monkeypatch.chdir(folder)
    path = Path("results/sweeps") / draw_up(SWEEP, []).directory_name
    path.mkdir(parents=True)
    return path


def exit_code(name: str) -> object:
    with pytest.raises(SystemExit) as left:
        program(name)([])
    return left.value.code


@pytest.mark.parametrize(
    ("environment", "parts"),
    [
        ({"RANK": "1"}, ["RANK=1", "below WORLD_SIZE=(not set)"]),
        ({"RANK": "one", "WORLD_SIZE": "2"}, ["RANK=one must be a number"]),
        ({"RANK": "0", "WORLD_SIZE": "2"}, ["WORLD_SIZE=2", "without MASTER_ADDR and MASTER_PORT", "torchrun"]),
    ],
)
def test_the_environment_of_another_launcher_is_told(
    environment: dict[str, str], parts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert program("trainable.train")([]) == 2
    told = capsys.readouterr().err
    assert [part for part in parts if part not in told] == [], told
    assert list(tmp_path.iterdir()) == []


def test_a_single_run_is_kept_at_no_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert program("trainable.train")(["resources.storage=s3://bucket/folder"]) == 2
    assert "resources.storage is for the runs of a sweep" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(SystemExit) as left:
        program("sweeps.lr_ablation")([f"experiment.results_dir={tmp_path}/locked/results"])
    assert left.value.code == 2
    assert "cannot be written" in capsys.readouterr().err


def test_another_python_than_the_project_s_is_told(tmp_path: Path) -> None:
    """Without the installed libraries, as a shell whose environment is not active has it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for words in (["sweeps.lr_ablation", "--dry-run"], ["sweeps", "lr_ablation", "--dry-run"]):
        command = [sys.executable, "-S", "-m", *words]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert "has no Ray: make setup, then source .venv/bin/activate" in done.stderr
        assert done.stderr.count("\n") == 1
