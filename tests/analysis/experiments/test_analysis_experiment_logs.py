"""The examples of the tracking guide, line by line, on logs of ours and of the CS336 code."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest

from analysis.experiments import ExperimentAnalyzer
from trainable.spec.experiment_log import ExperimentConfig, ExperimentTracker
from trainable.spec.mistakes import WrongRequest


def tracked(folder: Path, name: str, losses: list[float], val_loss: float | None = None) -> Path:
    """A log as the guide's quick start makes it."""
    config = ExperimentConfig(experiment_name=name, d_model=512, num_heads=8, max_iters=len(losses))
    tracker = ExperimentTracker(config, log_dir=folder)
    tracker.start()
    for iteration, loss in enumerate(losses):
        tracker.log_metrics(
            iteration=iteration, train_loss=loss, learning_rate=1e-3 / (1 + iteration), tokens_per_sec=1000.0 + iteration, iter_time_ms=5.0
        )
        tracker.increment_gradient_step()
    tracker.log_eval(iteration=len(losses) - 1, val_loss=val_loss)
    tracker.finish(val_loss=val_loss, notes="a note")
    return tracker.save()


def upstream(folder: Path, name: str, **changed: Any) -> Path:
    """A log in the form of the CS336 code, which writes Infinity and NaN."""
    snapshot = {
        "iteration": 0,
        "gradient_step": 0,
        "wallclock_time": 1.5,
        "train_loss": 4.0,
        "val_loss": None,
        "learning_rate": 0.0,
        "tokens_per_sec": math.nan,
        "iter_time_ms": 10.0,
        "batch_size": 64,
        "context_length": 256,
    }
    log = {
        "config": {"experiment_name": name, "model_name": "TransformerLM", "seed": 42},
        "start_time": "2025-02-22T14:05:30",
        "end_time": None,
        "duration_seconds": 2,
        "metrics_history": [snapshot, {**snapshot, "iteration": 10, "train_loss": 3.5}],
        "notes": "",
        "best_train_loss": 3.5,
        "best_val_loss": math.inf,
        "final_train_loss": None,
        "final_val_loss": None,
    }
    path = folder / f"experiment_{name}_20250222_140530.json"
    path.write_text(json.dumps({**log, **changed}))
    return path


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    tracked(tmp_path, "baseline_tinystories", [5.0, 4.0, 3.0], 3.25)
    tracked(tmp_path, "larger_model", [5.0, 3.5, 2.5], 2.75)
    upstream(tmp_path, "upstream")
    return tmp_path


def test_later_analyze_all_experiments(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    analyzer = ExperimentAnalyzer(logs)
    analyzer.load_all()
    print(analyzer.get_comparison_table())
    best_exp, best_loss = analyzer.get_best_experiment("val_loss")
    analyzer.print_summary(best_exp)
    assert (best_exp, best_loss) == ("larger_model", 2.75)
    out = capsys.readouterr().out
    assert "| larger_model | 2.5000 | **2.7500** | 2.7500 | 2 | 1001.0000 |" in out
    assert "| upstream | 3.5000 | – | – | 10 | – | 2.0 s |" in out
    assert "Experiment: larger_model" in out
    assert "train_loss:           min 2.5000, max 5.0000, mean 3.6667, std 1.2583" in out
    assert "inf" not in out.lower().replace("information", "")


def test_export_for_plotting(logs: Path, tmp_path: Path) -> None:
    analyzer = ExperimentAnalyzer(logs)
    path = analyzer.export_csv("upstream", tmp_path / "upstream.csv")
    header, *rows = csv.reader(path.read_text().splitlines())
    assert ",".join(header) == "iteration,gradient_step,wallclock_time,train_loss,val_loss,learning_rate,tokens_per_sec,iter_time_ms"
    assert rows == [["0", "0", "1.5", "4.0", "", "0.0", "", "10.0"], ["10", "0", "1.5", "3.5", "", "0.0", "", "10.0"]]


def test_trajectories_have_one_entry_for_each_snapshot(logs: Path) -> None:
    analyzer = ExperimentAnalyzer(logs)
    iterations, train, val = analyzer.get_loss_trajectories("baseline_tinystories")
    assert (iterations, train, val) == ([0, 1, 2], [5.0, 4.0, 3.0], [None, None, 3.25])
    assert analyzer.get_throughput_curve("baseline_tinystories") == ([0, 1, 2], [1000.0, 1001.0, 1002.0])
    assert analyzer.get_lr_schedule("baseline_tinystories").values == [1e-3, 5e-4, 1e-3 / 3]
    assert analyzer.get_throughput_curve("upstream") == ([], [])


@pytest.mark.parametrize(("metric", "expected"), [("train_loss", ("larger_model", 2.5)), ("duration", None)])
def test_the_best_by_each_metric(logs: Path, metric: str, expected: tuple[str, float] | None) -> None:
    found = ExperimentAnalyzer(logs).get_best_experiment(metric)
    assert found == expected if expected else found[0] != "upstream"


def test_a_log_is_read_once_and_again_when_it_changed(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    from analysis.experiments import analyzer as module

    original = module.load_experiment_log
    monkeypatch.setattr(module, "load_experiment_log", lambda path: (read.append(Path(path).name), original(path))[1])
    analyzer = ExperimentAnalyzer(logs)
    analyzer.load_all()
    assert len(read) == 3
    analyzer.load_all()
    assert len(read) == 3
    upstream(logs, "upstream", notes="longer than before", best_train_loss=1.0)
    assert analyzer.load_all()["upstream"].notes == "longer than before"
    assert len(read) == 4


def test_experiments_of_one_name_stay_apart(tmp_path: Path) -> None:
    paths = [tracked(tmp_path, "same", [3.0], loss) for loss in (3.0, 2.0)]
    analyzer = ExperimentAnalyzer(tmp_path)
    assert sorted(analyzer.load_all()) == sorted(path.stem for path in paths)
    assert analyzer.get_best_experiment() == (paths[1].stem, 2.0)


def test_damaged_logs_are_told_and_the_others_read(logs: Path) -> None:
    (logs / "experiment_torn_20250222_140530.json").write_text('{"config": {"experiment_')
    (logs / "experiment_foreign_20250222_140530.json").write_text("[1, 2]")
    analyzer = ExperimentAnalyzer(logs)
    assert len(analyzer.load_all()) == 3
    assert any("experiment_torn" in problem and "not whole JSON" in problem for problem in analyzer.problems)
    assert any("experiment_foreign" in problem for problem in analyzer.problems)


def test_wrong_requests_are_told(logs: Path, tmp_path: Path) -> None:
    analyzer = ExperimentAnalyzer(logs)
    with pytest.raises(WrongRequest, match="unknown metric 'val_los' \\(did you mean 'val_loss'"):
        analyzer.get_best_experiment("val_los")
    with pytest.raises(WrongRequest, match="unknown experiment 'larger_modell' \\(did you mean 'larger_model'"):
        analyzer.print_summary("larger_modell")
    with pytest.raises(WrongRequest, match="is no folder of experiment logs"):
        ExperimentAnalyzer(tmp_path / "nowhere").load_all()
    empty = tmp_path / "empty"
    empty.mkdir()
    assert ExperimentAnalyzer(empty).load_all() == {}
    with pytest.raises(WrongRequest, match=r"no experiment in .* has measured val_loss"):
        ExperimentAnalyzer(empty).get_best_experiment()
