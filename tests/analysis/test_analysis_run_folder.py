"""Folders of runs: whatever lies in them is a row with a status and a reason."""

import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
from sweep_on_disk import LR, SweepBuilder

from analysis.__main__ import main


def rows(folder: Path) -> pd.DataFrame:
    assert main(["summarize", str(folder)]) == 0
    return pd.read_parquet(folder / "trials.parquet").set_index("run_id")


def test_every_directory_is_a_row_with_a_status_and_a_reason(sweep: SweepBuilder) -> None:
    good, half, torn = (sweep.trial({LR: lr}, final=3.0) for lr in (0.1, 0.2, 0.3))
    folder = sweep.root / "runs"
    sweep.run_dir(half).summary.unlink()
    sweep.run_dir(torn).summary.write_text('{"format": 1, "sta')
    (folder / "holiday pictures").mkdir()
    (folder / ".hidden").mkdir()
    deep = folder / "deep"
    deep.mkdir()
    (deep / "summary.json").write_text("[" * 100_000)
    pipe = folder / "pipe"
    (pipe / "logs").mkdir(parents=True)
    os.mkfifo(pipe / "logs" / "metrics.csv")
    os.mkfifo(pipe / "summary.json")
    (pipe / "config.yaml").touch()
    table = rows(folder)
    assert table.note.fillna("").to_dict() == {
        sweep.run_dir(good).experiment_id: "",
        sweep.run_dir(half).experiment_id: "summary.json missing",
        sweep.run_dir(torn).experiment_id: "summary.json unreadable (JSONDecodeError)",
        "holiday pictures": "no file of a run is in this directory; metrics.csv missing",
        "deep": "summary.json unreadable (RecursionError); metrics.csv missing",
        "pipe": "summary.json unreadable (OSError); metrics.csv unreadable (not a regular file)",
    }
    assert table.status.value_counts().to_dict() == {"unknown": 5, "completed": 1}
    measured = ["eval/loss", "tokens", "duration_seconds", "step"]
    assert table[table.status == "unknown"][measured].isna().all().all()


def test_the_keys_in_which_the_runs_differ_are_columns(sweep: SweepBuilder) -> None:
    for lr in (0.1, 0.2):
        path = sweep.run_dir(sweep.trial({LR: lr, "optimizer.eps": 1e-8})).summary
        summary = json.loads(path.read_text())
        summary["config"] |= {"experiment": {"notes": str(lr)}, "training": {"seed": lr}}
        path.write_text(json.dumps(summary))
    table = rows(sweep.root / "runs")
    assert [name for name in table.columns if name.startswith("config.")] == [f"config.{LR}"]
    assert sorted(table[f"config.{LR}"]) == [0.1, 0.2]


def test_a_copied_run_directory_does_not_mix_its_rows_with_the_original(sweep: SweepBuilder) -> None:
    trial = sweep.trial({LR: 0.1}, final=3.0)
    path = sweep.run_dir(trial).path
    shutil.copytree(path, path.with_name("copy"))
    table = rows(sweep.root / "runs")
    assert table.loc["copy", "note"] == f"another directory is also trial {trial}"
    metrics = pd.read_parquet(sweep.root / "runs" / "metrics.parquet")
    assert metrics.groupby("trial").step.apply(list).to_dict() == {"copy": [10, 20, 30, 40], path.name: [10, 20, 30, 40]}


def test_progress_is_told_on_a_terminal_only(
    lived: SweepBuilder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = lived.write()
    assert main(["summarize", str(directory.path)]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert main(["summarize", str(directory.path)]) == 0
    assert directory.path.name in capsys.readouterr().err
