"""How far every explored trial went, where it was stopped, and what that saved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.columns import Row
from analysis.figures.curves import curves_of
from analysis.figures.style import CATEGORIES, HEIGHT, WIDTH, metric_label, shortened
from analysis.study import Study
from trainable.spec.status import Stage, Status

COLOURS: Mapping[str, str] = {
    Status.COMPLETED: CATEGORIES[0],
    Status.STOPPED_EARLY: "#888888",
    Status.DIVERGED: CATEGORIES[1],
}
_OTHER, _SAVED = CATEGORIES[3], "#EEEEEE"
_MOST_NAMED, _MANY_RUNGS, _MOST_IN_A_ROW = 32, 9, 6


@dataclass(frozen=True)
class Reach:
    """One explored trial: it came to `step` of `full` steps."""

    trial: str
    label: str
    status: str
    step: int
    full: int


@dataclass(frozen=True)
class Rung:
    """Everyone's metric at the step where somebody was stopped, by trial: of those that went on, and of those that did not."""

    step: int
    went_on: dict[str, float]
    stopped: dict[str, float]


@dataclass(frozen=True)
class Rungs:
    """`reached` with the one that came furthest first."""

    reached: list[Reach]
    rungs: list[Rung]
    metric: str
    higher_is_better: bool

    @property
    def share_saved(self) -> float:
        """Of the steps that full runs of the same trials would have taken."""
        return 1 - sum(reach.step for reach in self.reached) / sum(reach.full for reach in self.reached)


def rungs(study: Study) -> Rungs:
    """What the figure shows, without drawing: explored trials that have ended with a known number of steps."""
    statement = study.statement
    rows = [row for row in study.rows if _has_ended(row)]
    reached = [
        Reach(row["trial"], study.cells[row["cell"]].label, row["status"], row["step"], row["max_steps"] or statement.max_steps)
        for row in rows
    ]
    last = {row["trial"]: row.get(statement.metric) for row in rows}
    sign = -1.0 if statement.higher_is_better else 1.0
    reached.sort(key=lambda reach: (-reach.step / reach.full, sign * (last[reach.trial] or 0.0), reach.label))
    levels = sorted({reach.step for reach in reached if reach.status == Status.STOPPED_EARLY})
    return Rungs(reached, _at(study, levels, reached), statement.metric, statement.higher_is_better)


def _has_ended(row: Row) -> bool:
    under_way = row["status"] in (Status.RUNNING, Status.PAUSED, Status.INTERRUPTED)
    return row["stage"] == Stage.EXPLORE and not under_way and row["step"] is not None


def _at(study: Study, levels: Sequence[int], reached: Sequence[Reach]) -> list[Rung]:
    values = {c.trial: dict(zip(c.steps.tolist(), c.values.tolist(), strict=True)) for c in curves_of(study, study.statement.metric)}
    ends = {reach.trial: reach for reach in reached}
    found = []
    for level in levels:
        there = {trial: curve[level] for trial, curve in values.items() if trial in ends and level in curve}
        stopped = {t: v for t, v in there.items() if ends[t].status == Status.STOPPED_EARLY and ends[t].step == level}
        found.append(Rung(level, {t: v for t, v in there.items() if t not in stopped}, stopped))
    return found


def draw(data: Rungs) -> Figure:
    named = len(data.reached) <= _MOST_NAMED
    figure = Figure(figsize=(WIDTH, max(HEIGHT, 0.9 + 0.16 * len(data.reached)) if named else 1.4 * HEIGHT))
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1.0))
    _draw_reached(left, data, named=named)
    _draw_rungs(right, data)
    handles = _legend(data)
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles) if len(handles) <= _MOST_IN_A_ROW else 4)
    return figure


def _draw_reached(axes: Axes, data: Rungs, *, named: bool) -> None:
    places = range(len(data.reached))
    axes.barh(places, [reach.full for reach in data.reached], color=_SAVED, height=0.8)
    axes.barh(places, [reach.step for reach in data.reached], color=[COLOURS.get(r.status, _OTHER) for r in data.reached], height=0.8)
    axes.set_yticks(places if named else [], [shortened(reach.label, 34) for reach in data.reached] if named else [], fontsize=6.5)
    axes.set_ylim(len(data.reached) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    steps, full = sum(reach.step for reach in data.reached), sum(reach.full for reach in data.reached)
    axes.set(
        xlim=(0, max(reach.full for reach in data.reached)), xlabel="Step", ylabel="" if named else f"{len(data.reached)} explored trials"
    )
    axes.set_title(f"{steps:,} of {full:,} steps: {data.share_saved:.0%} saved", fontsize=8)


def _draw_rungs(axes: Axes, data: Rungs) -> None:
    worst = worst_shown(data)
    for place, rung in enumerate(data.rungs):
        for shift, points, status in ((-0.14, rung.went_on, Status.COMPLETED), (0.14, rung.stopped, Status.STOPPED_EARLY)):
            inside = [value for value in points.values() if worst is None or value <= worst]
            axes.plot([place + shift] * len(inside), inside, **_look(status), alpha=0.85)
            if len(inside) < len(points):
                at_edge: Any = {"transform": axes.get_xaxis_transform(), "clip_on": False}
                axes.plot(place + shift, 1.0, "^", color=COLOURS[status], markerfacecolor="none", markersize=4.5, **at_edge)
    texts = [f"{rung.step:,}\n{len(rung.stopped)} of {len(rung.stopped) + len(rung.went_on)}" for rung in data.rungs]
    axes.set_xticks(range(len(data.rungs)), texts, fontsize=6.5 if len(data.rungs) < _MANY_RUNGS else 5)
    axes.set_xlim(-0.6, len(data.rungs) - 0.4)
    axes.set(xlabel="Step (stopped there, of those that reached it)", ylabel=metric_label(data.metric))


def worst_shown(data: Rungs) -> float | None:
    """The value beyond which a point is drawn at the edge, so that a trial about to diverge does not flatten the others."""
    values = [value for rung in data.rungs for value in (*rung.went_on.values(), *rung.stopped.values())]
    return 2 * median(values) if values and not data.higher_is_better and min(values) > 0 else None


def _look(status: Status) -> Any:
    went_on = status == Status.COMPLETED
    face = COLOURS[status] if went_on else "none"
    return {"linestyle": "", "marker": "o" if went_on else "v", "color": COLOURS[status], "markerfacecolor": face, "markersize": 4}


def _legend(data: Rungs) -> list[Patch | Line2D]:
    seen = {reach.status for reach in data.reached}
    handles: list[Patch | Line2D] = [Patch(color=colour, label=str(s).replace("_", " ")) for s, colour in COLOURS.items() if s in seen]
    if seen - set(COLOURS):
        handles.append(Patch(color=_OTHER, label="failed"))
    handles.append(Patch(color=_SAVED, label="not taken"))
    handles.append(Line2D([], [], label="went on", **_look(Status.COMPLETED)))
    handles.append(Line2D([], [], label="stopped there", **_look(Status.STOPPED_EARLY)))
    worst = worst_shown(data)
    if worst is not None and any(v > worst for rung in data.rungs for v in (*rung.went_on.values(), *rung.stopped.values())):
        handles.append(
            Line2D([], [], linestyle="", marker="^", color="#666666", markerfacecolor="none", markersize=4, label="beyond the axis")
        )
    return handles


def figure(study: Study) -> Figure | None:
    """The drawn figure; None when no trial was stopped early."""
    data = rungs(study)
    return draw(data) if data.rungs else None
