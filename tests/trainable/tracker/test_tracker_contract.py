"""What holds for every tracker of the registry, and for a set of them."""

import csv
import logging
import math
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainable.spec.config import RunConfig
from trainable.spec.experiment_log import load_experiment_log
from trainable.spec.metric_names import EVERY_RUN
from trainable.spec.mistakes import WrongRequest
from trainable.tracker import registry
from trainable.tracker.registry import REMOTE, TRACKERS, active_trackers, start_trackers
from trainable.tracker.tracker import Row, RunDescription, Tracker

Described = Callable[..., tuple[RunConfig, RunDescription]]


def row(step: int, evaluated: bool = False) -> dict[str, float | int | None]:
    values: dict[str, float | int | None] = {name: 1.0 + step / 7 for name in EVERY_RUN if not name.startswith(("step", "epoch", "eval/"))}
    return {**values, "epoch": 0, "eval/loss": step / 3 if evaluated else None}


@pytest.mark.parametrize("name", TRACKERS)
def test_every_tracker_takes_a_whole_run_and_leaves_the_caller_nothing_to_clean_up(
    name: str, described: Described, capfd: pytest.CaptureFixture[str]
) -> None:
    config, run = described("tracking.wandb=offline")
    for resume_step in (None, 20):
        if name != "csv":
            _fill_csv(config, run)
        tracker = TRACKERS[name](config.tracking)
        tracker.start(run, resume_step)
        for step in (10, 20, 30) if resume_step is None else (30,):
            tracker.log(row(step, evaluated=step == 30), step)
        tracker.log(dict.fromkeys(EVERY_RUN), 40)
        tracker.log({"train/loss": math.nan, "optimizer/grad_norm": math.inf}, 50)
        tracker.log_summary({"metrics": {"eval/loss": 2.0, "test/loss": None}, "tags": ["a"], "best_step": None, "config": run.config})
        picture = run.run_dir / "summary.json"
        picture.write_text("{}")
        tracker.log_artifact(picture)
        tracker.finish("completed")
    assert capfd.readouterr() == ("", "")
    assert not [path for path in run.run_dir.rglob("*") if path.is_symlink()]


def _fill_csv(config: Any, run: Any) -> None:
    tracker = TRACKERS["csv"](config.tracking)
    tracker.start(run, None)
    tracker.log(row(1), 1)
    tracker.finish("completed")


def test_which_trackers_a_run_has(described: Described) -> None:
    assert active_trackers(described()[0]) == ["log_file", "csv", "flat"]
    assert active_trackers(described("tracking.wandb=online", "tracking.plots=true")[0]) == ["log_file", "csv", "flat", "plots", "wandb"]
    assert active_trackers(described("tracking.tensorboard=true")[0])[-1] == "tensorboard"
    assert set(TRACKERS) >= REMOTE


def test_a_resumed_run_leaves_the_files_of_an_uninterrupted_one(described: Described) -> None:
    files = {}
    for parts in ([(None, range(10, 50, 10))], [(None, range(10, 40, 10)), (20, range(30, 50, 10))]):
        config, run = described(name=f"run{len(parts)}")
        for resume_step, steps in parts:
            trackers = start_trackers(config, run, resume_step)
            for step in steps:
                trackers.log(row(step, evaluated=step % 20 == 0), step)
            trackers.finish("interrupted" if steps[-1] == 30 else "completed")
        log = load_experiment_log(next(run.run_dir.glob("experiment_*.json")))
        history = [(s.iteration, s.gradient_step, s.train_loss, s.val_loss) for s in log.metrics_history]
        files[len(parts)] = ((run.run_dir / "logs/metrics.csv").read_bytes(), history, log.best_val_loss, log.final_val_loss, log.notes)
    assert files[1] == files[2]
    assert [h[0] for h in files[1][1]] == [10, 20, 30, 40]
    assert files[1][4] == "status: completed"


def test_a_run_that_begins_anew_in_its_directory_keeps_nothing_of_the_attempt_before(described: Described) -> None:
    config, run = described()
    for steps in ((10, 20, 30), (10,)):
        trackers = start_trackers(config, run)
        for step in steps:
            trackers.log(row(step, evaluated=True), step)
        trackers.finish("failed")
    with open(run.run_dir / "logs/metrics.csv") as file:
        assert [r["step"] for r in csv.DictReader(file)] == ["10"]
    (log,) = run.run_dir.glob("experiment_*.json")
    assert [s.iteration for s in load_experiment_log(log).metrics_history] == [10]


def test_the_log_file_has_the_protocols_form_and_the_root_logger_hears_nothing(
    described: Described, caplog: pytest.LogCaptureFixture
) -> None:
    config, run = described()
    before = set(logging.Logger.manager.loggerDict), list(logging.getLogger().handlers)
    with caplog.at_level(logging.DEBUG):
        trackers = start_trackers(config, run)
        trackers.log({"train/loss": 2.5, "epoch": 0, "eval/loss": None}, 10)
        trackers.logger.warning("checkpoint-8 is torn")
        trackers.finish("completed")
        trackers.logger.warning("said after the end")
    assert (set(logging.Logger.manager.loggerDict), list(logging.getLogger().handlers)) == before
    assert caplog.records == []
    text = (run.run_dir / "logs/train.log").read_text()
    assert [line[24:] for line in text.splitlines() if "Config" not in line] == [
        f"[INFO] Starting experiment: {run.experiment_id}",
        "[INFO] Step 10: train/loss=2.5, epoch=0",
        "[WARNING] checkpoint-8 is torn",
        "[INFO] Finished: completed",
    ]
    assert text[4] == "-"
    assert text[19] == ","


def test_a_metric_without_a_column_is_refused(described: Described) -> None:
    config, run = described()
    trackers = start_trackers(config, run)
    with pytest.raises(ValueError, match=r"unknown metric 'train/lost' \(did you mean 'train/loss'\?\)"):
        trackers.log({"train/lost": 1.0}, 1)
    trackers.finish("failed")


class Unstartable(Tracker):
    def start(self, run: object, resume_step: int | None) -> None:
        raise OSError("no account\nand more")

    def log(self, row: Row, step: int) -> None: ...

    def finish(self, status: str) -> None: ...


def test_a_run_whose_trackers_cannot_start_is_refused_with_every_reason(described: Described, monkeypatch: pytest.MonkeyPatch) -> None:
    config, run = described("tracking.wandb=offline", "tracking.tensorboard=true")
    monkeypatch.setitem(registry.TRACKERS, "wandb", lambda _: Unstartable())
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.event_file_writer", None)
    with pytest.raises(WrongRequest) as caught:
        start_trackers(config, run)
    wandb, tensorboard = caught.value.mistakes
    assert wandb == "tracker wandb cannot start: no account"
    assert tensorboard.startswith("tracker tensorboard cannot start: ")
    assert "pip install 'transformer-sweeps[tensorboard]'" in tensorboard
    assert (run.run_dir / "logs/train.log").read_text().endswith("Finished: failed\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)  # the files that were opened are closed
        del caught


def test_an_unwritable_run_directory_is_refused(described: Described, tmp_path: Path) -> None:
    config, run = described()
    (tmp_path / "runs").write_text("a file where a folder should be")
    with pytest.raises(WrongRequest) as caught:
        start_trackers(config, run)
    assert [m.split()[1] for m in caught.value.mistakes] == ["log_file", "csv"]


def test_an_end_that_fails_is_said_and_the_others_still_end(described: Described, monkeypatch: pytest.MonkeyPatch) -> None:
    config, run = described("tracking.plots=true")
    trackers = start_trackers(config, run)
    trackers.log(row(10, evaluated=True), 10)
    monkeypatch.setattr("trainable.tracker.plots.draw", lambda *_: 1 / 0)
    trackers.finish("completed")
    text = (run.run_dir / "logs/train.log").read_text()
    assert "[ERROR] tracker plots cannot finish" in text
    assert "ZeroDivisionError" in text
    assert text.endswith("Finished: completed\n")


def test_choosing_the_trackers_loads_none_of_their_libraries() -> None:
    code = (
        "import sys, trainable.tracker.registry as r;"
        "print(sorted({'torch','wandb','matplotlib','tensorboard','numpy','ray'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
