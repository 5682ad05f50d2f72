"""What the benchmark of the tables compares really is the same trials, and Ray's side is in Ray's own form."""

import json
from pathlib import Path

import pandas as pd
import pytest

from analysis.load import load_sweep
from analysis.summarize import summarize
from benchmarks.__main__ import measure
from benchmarks.fake_trials import FakeTrial, fake_trials, write_ours
from trainable.spec.mistakes import WrongRequest


@pytest.fixture
def trials() -> list[FakeTrial]:
    return list(fake_trials(3, 40))


def test_fake_trials_are_the_same_each_time_and_differ_from_each_other(trials: list[FakeTrial]) -> None:
    assert trials == list(fake_trials(3, 40))
    assert len({trial.name for trial in trials}) == 3


def test_ours_reads_every_row_of_them_without_a_note(trials: list[FakeTrial], tmp_path: Path) -> None:
    rows = summarize(load_sweep(write_ours(tmp_path, iter(trials), 400)))
    assert [row["note"] for row in rows] == [None] * 3
    metrics = pd.read_parquet(tmp_path / "sweeps" / "fake-00000000" / "metrics.parquet")
    for trial in trials:
        curve = metrics[metrics.trial == trial.name]
        assert curve["train/loss"].to_list() == [row["train/loss"] for row in trial.rows]
        assert curve["eval/loss"].dropna().to_list() == [row["eval/loss"] for row in trial.rows if row["eval/loss"] is not None]


def test_ray_reads_the_same_trials(trials: list[FakeTrial], tmp_path: Path) -> None:
    tune = pytest.importorskip("ray.tune")
    from benchmarks.ray_trials import write_as_ray

    analysis = tune.ExperimentAnalysis(str(write_as_ray(tmp_path, iter(trials))))
    frame = tune.ResultGrid(analysis).get_dataframe().sort_values("trial_id")
    assert frame["train/loss"].to_list() == [trial.rows[-1]["train/loss"] for trial in trials]
    assert frame["config/optimizer.lr"].to_list() == [trial.values["optimizer.lr"] for trial in trials]
    assert [len(curve) for curve in analysis.trial_dataframes.values()] == [40, 40, 40]


@pytest.mark.ray
def test_the_form_is_that_of_a_real_run_of_ray_tune(trials: list[FakeTrial], tmp_path: Path) -> None:
    import ray
    from ray import tune

    from benchmarks.ray_trials import write_as_ray

    def report(_config: dict[str, float]) -> None:
        tune.report({"step": 1, "train/loss": 1.0})

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        settings = tune.RunConfig(name="real", storage_path=str(tmp_path), verbose=0)
        tune.Tuner(report, param_space={"optimizer.lr": 1e-3}, run_config=settings).fit()
    finally:
        ray.shutdown()
    (real,) = (tmp_path / "real").glob("report_*")
    fake = next(write_as_ray(tmp_path, iter(trials)).glob("fake_*"))
    assert sorted(file.name.split(".")[0] for file in fake.iterdir()) == sorted(file.name.split(".")[0] for file in real.iterdir())
    ours, rays = (set(json.loads((path / "result.json").read_text().splitlines()[0])) for path in (fake, real))
    assert ours - set(trials[0].rows[0]) == rays - {"step", "train/loss"}


def test_a_wrong_number_is_refused() -> None:
    with pytest.raises(WrongRequest, match="--rounds: 0 given, at least 1 is needed"):
        measure(["summarize", "--rounds", "0"])
