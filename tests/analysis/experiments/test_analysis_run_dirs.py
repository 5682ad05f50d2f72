"""The protocol's snippets (appendix A) on run directories, and the two commands that replace its grep and its script."""

import csv
import json
import math
from pathlib import Path

import pandas as pd
import pytest

from analysis.__main__ import main
from analysis.experiments import aggregate, compare_experiments, load_experiment
from analysis.experiments.tags import has_all, tags_of
from trainable.spec.metric_names import EVERY_RUN
from trainable.spec.mistakes import WrongRequest
from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import RunSummary, write_summary
from trainable.spec.status import Stage, Status


def run(folder: Path, lr: float = 1e-3, paper: str | None = "paper1", metrics: dict[str, float | None] | None = None) -> Path:
    config = {
        "optimizer": {"name": "adam8bit", "lr": lr},
        "experiment": {"paper": paper, "phase": "quantization"},
        "model": {"name": "tiny"},
    }
    summary = RunSummary(folder.name, f"{folder.name}-s1", "cell", 1, Stage.CONFIRM, Status.COMPLETED, config, tags=["own"])
    summary.metrics = {"eval/loss": 3.0, "eval/perplexity": 20.0, "memory/peak_gb": 0.5} if metrics is None else metrics
    write_summary(RunDir(folder), summary)
    (folder / "logs").mkdir()
    lines = [",".join(EVERY_RUN), "10,0,3.5" + "," * (len(EVERY_RUN) - 3)]
    (folder / "logs" / "metrics.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_load_experiment_results(tmp_path: Path) -> None:
    summary, metrics = load_experiment(run(tmp_path / "exp"))
    assert summary["final_metrics"]["val_perplexity"] == 20.0
    assert metrics.to_dict("list") == {"step": [10], "epoch": [0], "train/loss": [3.5]}


def test_compare_multiple_experiments_also_in_bags(tmp_path: Path) -> None:
    archive = tmp_path / "results/archive/paper1"
    run(archive / "exp001_adam" / "data")
    run(archive / "exp002_adam8bit", metrics={"eval/loss": 3.0})
    df = compare_experiments([archive / "exp001_adam", archive / "exp002_adam8bit"])
    assert df.columns.to_list() == ["name", "val_ppl", "memory_gb"]
    assert df.val_ppl.iloc[0] == 20.0
    assert math.isnan(df.val_ppl.iloc[1])


def test_every_path_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    torn = run(tmp_path / "torn")
    (torn / "summary.json").write_text("{")
    with pytest.raises(WrongRequest) as wrong:
        compare_experiments([torn, tmp_path / "gone"])
    assert ["torn" in wrong.value.mistakes[0], "gone" in wrong.value.mistakes[1]] == [True, True]


def test_aggregate_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for paper, name, lr in (("paper1-a", "exp001_x", 1e-3), ("paper1-b", "exp001_y", 3e-3), ("paper2", "exp001_z", 1e-2)):
        run(Path("results/archive") / paper / name / "data", lr)
    assert main(["aggregate", "--pattern", "results/archive/paper1-*", "--output", "paper1.csv"]) == 0
    assert capsys.readouterr().out == "paper1.csv: 2 runs\n"
    rows = list(csv.DictReader(Path("paper1.csv").read_text().splitlines()))
    assert [(row["config.optimizer.lr"], row["eval/loss"], row["test/loss"]) for row in rows] == [
        ("0.001", "3.0", ""),
        ("0.003", "3.0", ""),
    ]
    assert pd.read_csv("paper1.csv").path.to_list() == [f"results/archive/paper1-{name}/data" for name in ("a/exp001_x", "b/exp001_y")]


def test_a_pattern_without_runs_is_a_mistake_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WrongRequest, match="no run directory fits the pattern"):
        aggregate(str(tmp_path / "paper9-*"), tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    assert main(["aggregate", "--pattern", str(tmp_path / "paper9-*"), "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("error: ") == 2


def test_find_all_experiments_with_a_tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    run(Path("results/runs/first"))
    run(Path("results/archive/p/exp001_x/data"))
    run(Path("results/runs/other"), paper="paper2")
    Path("results/runs/torn").mkdir()
    Path("results/runs/torn/summary.json").write_text("{")
    assert main(["find", "--tag", "paper1"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["results/archive/p/exp001_x/data", "results/runs/first"]
    assert main(["find", "--tag", "optimizer:adam8bit", "--tag", "paper2", "--tag", "own"]) == 0
    assert capsys.readouterr().out.startswith(
        "results/runs/other  phase:quantization model:tiny optimizer:adam8bit paper:paper2 status:completed own"
    )
    main(["find", "--tag", "papr1"])
    assert "no run in results has papr1 (did you mean 'paper1'?)" in capsys.readouterr().err


def test_tags_of_a_foreign_summary() -> None:
    assert tags_of(json.loads('{"tags": 3, "config": [1], "status": "failed"}')) == ["status:failed"]
    assert has_all(["paper:paper1"], ["paper1"])
    assert not has_all(["paper:paper1"], ["paper"])
