import json
import math
import os
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainable.spec.experiment_log import (
    ExperimentConfig,
    ExperimentLog,
    ExperimentTracker,
    MetricsSnapshot,
    compare_experiments,
    load_experiment_log,
)
from trainable.spec.mistakes import WrongRequest


def tracked(log_dir: Path, name: str = "baseline", losses: tuple[float, ...] = (3.0, 2.0, 2.5)) -> ExperimentTracker:
    tracker = ExperimentTracker(ExperimentConfig(experiment_name=name, batch_size=8, context_length=32), log_dir=log_dir)
    tracker.start()
    for i, loss in enumerate(losses):
        tracker.log_metrics(iteration=i, train_loss=loss, learning_rate=1e-3, tokens_per_sec=100.0, iter_time_ms=5.0)
        tracker.increment_gradient_step()
    return tracker


def test_the_quick_start_of_the_specification(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tracker = tracked(tmp_path)
    tracker.log_eval(iteration=2, train_loss=2.25, val_loss=2.75)
    tracker.finish(train_loss=2.25, val_loss=2.75, notes="Baseline experiment")
    path = tracker.save()
    tracker.print_summary()

    assert re.fullmatch(r"experiment_baseline_\d{8}_\d{6}\.json", path.name)
    stored = json.loads(path.read_text())
    assert (
        list(stored)
        == (
            "config start_time end_time duration_seconds metrics_history notes best_train_loss best_val_loss "
            "final_train_loss final_val_loss"
        ).split()
    )
    assert (
        list(stored["metrics_history"][0])
        == (
            "iteration gradient_step wallclock_time train_loss val_loss learning_rate tokens_per_sec iter_time_ms batch_size context_length"
        ).split()
    )
    assert [s["gradient_step"] for s in stored["metrics_history"]] == [0, 1, 2]
    assert (stored["best_train_loss"], stored["best_val_loss"], stored["final_val_loss"]) == (2.0, 2.75, 2.75)
    assert stored["notes"] == "Baseline experiment"
    assert load_experiment_log(path) == tracker.log
    assert "Best val loss:    2.7500" in capsys.readouterr().out


def test_the_defaults_are_those_of_the_assignment() -> None:
    assert asdict(ExperimentConfig("x")) == {
        "experiment_name": "x", "model_name": "TransformerLM", "vocab_size": 10000, "context_length": 256, "d_model": 512,
        "num_heads": 8, "d_ff": 2048, "num_layers": 6, "rope_theta": 1e4, "batch_size": 64, "max_iters": 100000,
        "max_learning_rate": 6e-4, "min_learning_rate": 6e-5, "warmup_iters": 2000, "weight_decay": 0.1, "grad_clip": 1.0,
        "beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "seed": 42, "device": "cuda", "optimizer_name": "AdamW",
    }  # fmt: skip


def test_everything_but_the_iteration_may_be_left_out(tmp_path: Path) -> None:
    tracker = ExperimentTracker(ExperimentConfig("short"), tmp_path)
    tracker.log_metrics(iteration=0)
    tracker.log_eval(iteration=7, val_loss=0.0)
    tracker.finish()
    log = load_experiment_log(tracker.save())
    assert [s.iteration for s in log.metrics_history] == [0, 7]
    assert log.metrics_history[0].learning_rate is None
    assert log.metrics_history[1].val_loss == 0.0
    assert (log.best_train_loss, log.best_val_loss, log.final_val_loss) == (None, 0.0, None)
    assert log.start_time is not None


def test_an_evaluation_joins_the_snapshot_of_its_iteration_and_loses_nothing(tmp_path: Path) -> None:
    tracker = tracked(tmp_path, losses=(3.0, 2.0))
    tracker.log_eval(iteration=1, val_loss=2.5)
    assert [(s.train_loss, s.val_loss, s.learning_rate) for s in tracker.log.metrics_history] == [(3.0, None, 1e-3), (2.0, 2.5, 1e-3)]
    tracker.log_eval(iteration=1, train_loss=2.1)
    assert (tracker.log.metrics_history[1].train_loss, tracker.log.metrics_history[1].val_loss) == (2.1, 2.5)
    tracker.log_eval(iteration=2, train_loss=1.9, val_loss=2.4)
    assert [(s.iteration, s.train_loss, s.val_loss) for s in tracker.log.metrics_history[2:]] == [(2, 1.9, 2.4)]


def test_infinity_and_nan_are_null_and_never_the_best(tmp_path: Path) -> None:
    tracker = tracked(tmp_path, losses=(math.nan, 4.0, math.inf, -math.inf))
    tracker.finish(train_loss=math.nan, val_loss=math.inf)
    text = tracker.save().read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    stored = json.loads(text)
    assert [s["train_loss"] for s in stored["metrics_history"]] == [None, 4.0, None, None]
    assert (stored["best_train_loss"], stored["final_train_loss"], stored["best_val_loss"]) == (4.0, None, None)


def test_same_name_same_second_keeps_both_and_saving_again_replaces_its_own(tmp_path: Path) -> None:
    first, second, third = (tracked(tmp_path, losses=(float(i + 1),)) for i in range(3))
    for tracker in (second, third):
        tracker.log.start_time = first.log.start_time
    paths = [tracker.save() for tracker in (first, second, third)]
    assert [p.stem.removeprefix(paths[0].stem) for p in paths] == ["", "_2", "_3"]
    first.log_metrics(iteration=1, train_loss=9.0)
    assert first.save() == paths[0]
    assert [len(load_experiment_log(p).metrics_history) for p in paths] == [2, 1, 1]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_without_hard_links_a_name_is_still_taken_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no hard links")

    monkeypatch.setattr(os, "link", refuse)
    first, second = tracked(tmp_path, losses=(1.0,)), tracked(tmp_path, losses=(2.0,))
    second.log.start_time = first.log.start_time
    paths = [first.save(), second.save()]
    assert [load_experiment_log(p).best_train_loss for p in paths] == [1.0, 2.0]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_a_name_becomes_a_file_name(tmp_path: Path) -> None:
    tracker = tracked(tmp_path, name="lr=1e-4/seed 1: äh" + "x" * 300)
    path = tracker.save()
    assert path.parent == tmp_path
    assert path.name.startswith("experiment_lr=1e-4-seed-1-äh")
    assert load_experiment_log(path).config.experiment_name == tracker.config.experiment_name


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = tracked(tmp_path)
    path = tracker.save()
    before = path.read_bytes()

    def full_disk(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    tracker.log_metrics(iteration=3, train_loss=1.0)
    with pytest.raises(OSError, match="no space"):
        tracker.save()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_resumed_log_holds_every_iteration_once_in_the_same_file(tmp_path: Path) -> None:
    tracker = tracked(tmp_path, losses=(3.0, 2.0, 1.0, 0.5))
    tracker.log_eval(iteration=3, val_loss=0.75)
    tracker.finish(val_loss=0.75)
    path = tracker.save()

    resumed = ExperimentTracker.resume(path, iteration=1)
    resumed.start()
    resumed.increment_gradient_step()
    for i, loss in ((2, 1.5), (3, 1.25)):
        resumed.log_metrics(iteration=i, train_loss=loss)
        resumed.increment_gradient_step()
    resumed.finish()
    assert resumed.save() == path
    log = load_experiment_log(path)
    assert [(s.iteration, s.gradient_step, s.train_loss) for s in log.metrics_history] == [
        (0, 0, 3.0),
        (1, 1, 2.0),
        (2, 2, 1.5),
        (3, 3, 1.25),
    ]
    assert (log.best_train_loss, log.best_val_loss, log.final_val_loss) == (1.25, None, None)
    assert log.start_time == tracker.log.start_time
    times = [s.wallclock_time for s in log.metrics_history]
    assert times == sorted(times)
    assert list(tmp_path.iterdir()) == [path]


def test_a_resumed_log_may_take_a_longer_configuration(tmp_path: Path) -> None:
    path = tracked(tmp_path).save()
    longer = ExperimentConfig("baseline", max_iters=5)
    assert ExperimentTracker.resume(path, 1, longer).config == longer
    assert ExperimentTracker.resume(path, 1).config.max_iters == 100000


def test_comparison_of_logs(tmp_path: Path) -> None:
    one, two, three = tracked(tmp_path, "one"), tracked(tmp_path, "two"), tracked(tmp_path, "two", losses=(7.0,))
    one.log_eval(iteration=2, val_loss=2.25)
    one.finish(val_loss=2.25)
    paths = [tracker.save() for tracker in (one, two, three)]
    figures = compare_experiments(paths)
    assert list(figures) == ["one", str(paths[1]), str(paths[2])]
    assert figures["one"] == {
        "best_train_loss": 2.0, "best_val_loss": 2.25, "final_train_loss": pytest.approx(math.nan, nan_ok=True), "final_val_loss": 2.25,
        "duration_seconds": one.log.duration_seconds, "num_metrics": 3, "num_val_evals": 1,
    }  # fmt: skip
    assert [f"{stats['best_val_loss']:.6f}" for stats in figures.values()] == ["2.250000", "nan", "nan"]


def test_every_unreadable_log_is_named_at_once(tmp_path: Path) -> None:
    torn, other, wrong = (tmp_path / name for name in ("torn.json", "other.json", "wrong.json"))
    torn.write_text(tracked(tmp_path).save().read_text()[:100])
    other.write_text("[1, 2]")
    wrong.write_text(json.dumps({"config": {"experiment_name": "x", "d_model": "big"}, "metrics_history": [{"iteration": 1.5}]}))
    with pytest.raises(WrongRequest) as caught:
        compare_experiments([torn, other, wrong, tmp_path / "absent.json"])
    text = "\n".join(caught.value.mistakes)
    for part in ("torn.json is not whole", "other.json", "config.d_model='big' is not int", "metrics_history[0].iteration=1.5",
                 "metrics_history[0].gradient_step is missing", "absent.json cannot be read"):  # fmt: skip
        assert part in text


def test_a_log_of_the_assignments_own_code_is_read(tmp_path: Path) -> None:
    path = tmp_path / "experiment_old_20250222_140530.json"
    path.write_text(
        '{"config": {"experiment_name": "old", "d_model": 64, "unheard_of": 1}, "start_time": "2025-02-22T14:05:30", "end_time": null,'
        ' "duration_seconds": 12, "metrics_history": [{"iteration": 0, "gradient_step": 0, "wallclock_time": 1, "train_loss": NaN}],'
        ' "best_train_loss": Infinity, "best_val_loss": Infinity, "notes": ""}'
    )
    log = load_experiment_log(path)
    assert (log.config.d_model, log.duration_seconds, log.best_val_loss) == (64, 12.0, None)
    assert log.metrics_history == [MetricsSnapshot(0, 0, 1.0)]


numbers = st.none() | st.integers(0, 10**6) | st.floats()
losses = st.none() | st.floats()


@given(st.lists(st.tuples(losses, losses, numbers), max_size=8), st.integers(0, 8))
def test_json_round_trip_and_truncation(rows: list[tuple[float | None, float | None, float | None]], last: int) -> None:
    tracker = ExperimentTracker(ExperimentConfig("any"))
    for i, (train_loss, val_loss, rate) in enumerate(rows):
        tracker.log_metrics(i, train_loss, rate)
        tracker.log_eval(i, val_loss=val_loss)
    tracker.log.note_best()
    text = json.dumps(tracker.log.as_json(), allow_nan=False)
    read = ExperimentLog.from_json(json.loads(text))
    assert read == tracker.log
    assert [s.iteration for s in read.up_to(last).metrics_history] == list(range(min(last + 1, len(rows))))


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["config", "experiment_name", "metrics_history", "notes"]), inner)
    ),
    max_leaves=8,
)


@given(any_json)
def test_any_json_is_a_log_or_a_wrong_request(values: object) -> None:
    try:
        log = ExperimentLog.from_json(values)
    except WrongRequest:
        return
    assert isinstance(log.config.experiment_name, str)


def test_it_stands_alone() -> None:
    code = (
        "import sys, trainable.spec.experiment_log; print(sorted({'numpy','torch','yaml','hydra','omegaconf','pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
