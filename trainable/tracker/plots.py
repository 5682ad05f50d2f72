"""``plots/loss_curve.png``, ``memory_profile.png`` and ``grad_norm.png``, drawn at the end from ``logs/metrics.csv``."""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainable.spec.atomic_write import write_bytes
from trainable.spec.metric_names import METRICS
from trainable.spec.run_dir import RunDir
from trainable.spec.status import Status
from trainable.tracker.metrics_csv import read_series
from trainable.tracker.tracker import Row, RunDescription, Tracker

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Series = Mapping[str, tuple[list[int], list[float]]]

# Okabe and Ito's palette: told apart with any colour vision, and in print.
_BLUE, _ORANGE, _GREEN, _GREY = "#0072B2", "#D55E00", "#009E73", "#8C8C8C"


@dataclass(frozen=True)
class Curve:
    metric: str
    label: str
    style: Mapping[str, Any]


@dataclass(frozen=True)
class Plot:
    """One picture; it has `quantity` with the unit of its metrics upwards and the step to the right."""

    file: str
    title: str
    quantity: str
    curves: tuple[Curve, ...]
    scale: str = "linear"
    from_zero: bool = False


PLOTS = [
    Plot(
        "loss_curve.png",
        "Loss",
        "cross entropy",
        (
            Curve("train/loss", "training batch", {"color": _BLUE, "alpha": 0.75, "linewidth": 1.2}),
            Curve("eval/loss", "validation", {"color": _ORANGE, "linewidth": 1.8, "marker": "o", "markersize": 3.5}),
        ),
    ),
    Plot(
        "memory_profile.png",
        "Memory",
        "memory",
        (
            Curve("memory/peak_gb", "largest so far", {"color": _GREY, "linewidth": 1.2, "linestyle": "--"}),
            Curve("memory/reserved_gb", "reserved", {"color": _GREEN, "linewidth": 1.4}),
            Curve("memory/allocated_gb", "allocated", {"color": _BLUE, "linewidth": 1.8}),
        ),
        from_zero=True,
    ),
    Plot(
        "grad_norm.png",
        "Gradient norm before clipping",
        "global gradient norm",
        (Curve("optimizer/grad_norm", "gradient norm", {"color": _BLUE, "linewidth": 1.2}),),
        scale="log",
    ),
]


class Plots(Tracker):
    def start(self, run: RunDescription, resume_step: int | None) -> None:  # noqa: ARG002
        self._run = run

    def log(self, row: Row, step: int) -> None:
        """Nothing to do: the rows are read back at the end, those before a resumption too."""

    def finish(self, status: str) -> None:
        if status == Status.PAUSED:  # it goes on, and its end draws again
            return
        run_dir = RunDir(self._run.run_dir)
        series = read_series(run_dir.metrics_csv)
        grad_clip = float(self._run.config["training"]["grad_clip"])
        for plot in PLOTS:
            png = draw(plot, series, self._run.experiment_id, grad_clip if plot.file == "grad_norm.png" else 0.0)
            if png is not None:
                write_bytes(run_dir.plots / plot.file, png, sync=False)


def draw(plot: Plot, series: Series, experiment_id: str, threshold: float = 0.0) -> bytes | None:
    """The picture as a PNG, 1200 x 675 pixels, with a line at a `threshold` above 0; None when nothing finite was measured."""
    from matplotlib.figure import Figure  # here: half a second that a run without plots need not spend

    measured = [(curve, *finite_points(*series.get(curve.metric, ([], [])), above_zero=plot.scale == "log")) for curve in plot.curves]
    if not any(steps for _, steps, _ in measured):
        return None
    figure = Figure(figsize=(8, 4.5), dpi=150, layout="constrained")
    axes = figure.subplots()
    for curve, steps, values in measured:
        if steps:
            lonely = {"marker": "o", "markersize": 3.5} if len(steps) == 1 else {}
            axes.plot(steps, values, label=curve.label, **{**curve.style, **lonely})
    if threshold > 0:
        axes.axhline(threshold, color=_ORANGE, linewidth=1.2, linestyle="--", label=f"clipped above {threshold:g}")
    _dress(axes, plot, experiment_id)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def finite_points(steps: list[int], values: list[float], *, above_zero: bool) -> tuple[list[int], list[float]]:
    """The points that can be drawn; infinity and NaN cannot, and zero not on a logarithmic axis."""
    points = [(s, v) for s, v in zip(steps, values, strict=True) if math.isfinite(v) and (v > 0 or not above_zero)]
    return [s for s, _ in points], [v for _, v in points]


def _dress(axes: "Axes", plot: Plot, experiment_id: str) -> None:
    unit = METRICS[plot.curves[0].metric].unit
    axes.set_title(plot.title, loc="left", fontsize=12, fontweight="bold")
    axes.set_title(experiment_id, loc="right", fontsize=7, color=_GREY)
    axes.set_xlabel("optimizer step")
    axes.set_ylabel(plot.quantity if unit == "1" else f"{plot.quantity} [{unit}]")
    axes.margins(x=0.02, y=0.08)
    if plot.scale == "log":
        _logarithmic(axes)
    elif plot.from_zero:
        axes.set_ylim(0, 1.1 * axes.dataLim.ymax or 1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, which="major", linewidth=0.5, alpha=0.35)
    axes.legend(frameon=False)


def _logarithmic(axes: "Axes") -> None:
    """Plain numbers at 1, 2 and 5 of each decade, or at the powers of ten when there are many."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 200 * low else (1,)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
