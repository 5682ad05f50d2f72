"""The pictures at the end of a run, and TensorBoard's event files read back with TensorBoard's own reader."""

import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

from trainable.spec.config import RunConfig
from trainable.tracker import plots
from trainable.tracker.plots import PLOTS, draw, finite_points
from trainable.tracker.registry import start_trackers
from trainable.tracker.tracker import RunDescription

Described = Callable[..., tuple[RunConfig, RunDescription]]
LOSS, MEMORY, GRAD_NORM = PLOTS


def row(step: int) -> dict[str, float | int | None]:
    measured = {"train/loss": 5 / step, "optimizer/grad_norm": 3 / step, "memory/allocated_gb": 0.4, "memory/peak_gb": 0.5}
    return {**measured, "eval/loss": 6 / step if step % 20 == 0 else None}


def test_a_resumed_run_draws_the_rows_before_too(described: Described, monkeypatch: pytest.MonkeyPatch) -> None:
    config, run = described("tracking.plots=true")
    drawn = {}
    monkeypatch.setattr(plots, "draw", lambda plot, series, *_: drawn.update({plot.file: series}) or b"png")
    for resume_step, steps in ((None, (10, 20, 30)), (20, (30, 40))):
        trackers = start_trackers(config, run, resume_step)
        for step in steps:
            trackers.log(row(step), step)
        trackers.finish("completed")
    assert drawn["loss_curve.png"]["train/loss"] == ([10, 20, 30, 40], [5 / s for s in (10, 20, 30, 40)])
    assert drawn["loss_curve.png"]["eval/loss"][0] == [20, 40]
    assert {path.name for path in (run.run_dir / "plots").iterdir()} == {"loss_curve.png", "memory_profile.png", "grad_norm.png"}


def test_a_paused_run_draws_nothing_yet(described: Described) -> None:
    config, run = described("tracking.plots=true")
    trackers = start_trackers(config, run)
    trackers.log(row(10), 10)
    trackers.finish("paused")
    assert not (run.run_dir / "plots").exists()


def pixels(tmp_path: Path, png: bytes | None) -> np.ndarray:
    assert png is not None
    path = tmp_path / "picture.png"
    path.write_bytes(png)
    return np.asarray(image.imread(path))[..., :3]


def of_colour(picture: np.ndarray, colour: str) -> np.ndarray:
    """Which pixels have a colour, blending left out."""
    red_green_blue = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return np.abs(picture - red_green_blue).max(axis=2) < 0.02


def test_the_pictures_show_the_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # its global figures are not used
    steps = list(range(1, 41))
    falling = {"eval/loss": (steps, [8 - s / 10 for s in steps])}
    picture = pixels(tmp_path, draw(LOSS, falling, "run"))
    assert picture.shape == (675, 1200, 3)
    curve = of_colour(picture, "#D55E00")[100:]  # below the legend
    height = [np.flatnonzero(curve[:, x]).mean() for x in range(100, 1150) if curve[:, x].any()]
    assert len(height) > 500
    assert np.polyfit(range(len(height)), height, 1)[0] > 0.3, "a loss that falls goes down the picture"
    assert not of_colour(picture, "#009E73").any()


def test_the_clipping_threshold_is_drawn(tmp_path: Path) -> None:
    series = {"optimizer/grad_norm": ([1, 2, 3], [0.5, 2.0, 0.7])}
    without, with_line = (of_colour(pixels(tmp_path, draw(GRAD_NORM, series, "run", t)), "#D55E00").sum() for t in (0.0, 1.0))
    assert without == 0
    assert with_line > 500


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.file)
@pytest.mark.parametrize("values", [[1.0], [0.0, 0.0], [2.5, 2.5], [1.0, math.nan, 3.0], [1e-12, math.inf, 1e12], [1e-45, 3.4e38]], ids=str)
def test_every_course_of_values_can_be_drawn(plot: plots.Plot, values: list[float]) -> None:
    series = {curve.metric: (list(range(len(values))), values) for curve in plot.curves}
    png = draw(plot, series, "run", 1.0)
    assert (png is None) == (plot.scale == "log" and values == [0.0, 0.0])


def test_nothing_measured_is_no_picture() -> None:
    assert [draw(plot, {}, "run", 1.0) for plot in PLOTS] == [None, None, None]
    assert draw(LOSS, {"train/loss": ([1, 2], [math.nan, math.inf])}, "run") is None


def test_points_that_can_be_drawn() -> None:
    steps, values = [1, 2, 3, 4, 5], [1.0, math.nan, 0.0, math.inf, -2.0]
    assert finite_points(steps, values, above_zero=False) == ([1, 3, 5], [1.0, 0.0, -2.0])
    assert finite_points(steps, values, above_zero=True) == ([1], [1.0])


def test_tensorboard_reads_a_resumed_run_with_every_step_once(described: Described) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config, run = described("tracking.tensorboard=true")
    for resume_step, steps in ((None, (10, 20, 30)), (20, (30, 40))):
        trackers = start_trackers(config, run, resume_step)
        for step in steps:
            trackers.log(row(step), step)
        trackers.finish("completed")
    events = EventAccumulator(str(run.run_dir / "tensorboard"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("train/loss")] == [(s, np.float32(5 / s)) for s in (10, 20, 30, 40)]
    assert [e.step for e in events.Scalars("eval/loss")] == [20, 40]
    assert "[WARNING]" not in (run.run_dir / "logs/train.log").read_text()
