"""Every optimizer at its best: the sweep's metric against the bytes of state that it keeps for a parameter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.columns import Row
from analysis.figures.cell_values import Spread, cell_values, full_runs
from analysis.figures.quantity import Quantity, quantity
from analysis.figures.style import BASELINE_COLOUR, HEIGHT, MORE_CATEGORIES, WIDTH
from analysis.study import Cell, Study

KEYS = ("optimizer", "optimizer.name")
_MARKERS = "sDv^P*Xhpd<>"
_LINEAR_BELOW = 1e-3
# Beyond this ratio the worst optimizer would flatten the others on a linear axis.
_DECADES = 30


@dataclass(frozen=True)
class Entry:
    """One optimizer: its best cell (confirmed ones first), the metric over that cell's seeds, and the mean of the others' full runs."""

    name: str
    cell: Cell
    bytes_per_parameter: float
    metric: Spread
    others: tuple[float, ...]


@dataclass(frozen=True)
class Comparison:
    """`entries` by state, largest first."""

    metric: Quantity
    entries: list[Entry]


def comparison(study: Study) -> Comparison:
    """What the figure shows, without drawing: optimizers with a full run whose state and parameters are known."""
    metric = quantity(study.statement.metric, study.statement)
    key = next((key for key in KEYS if key in study.statement.varied), None)
    if key is None:
        return Comparison(metric, [])
    spreads, runs = cell_values(study, metric), full_runs(study)
    states = {cell: state for cell in spreads if (state := _bytes_per_parameter(runs[cell])) is not None}
    by_name: dict[str, list[str]] = {}
    for cell in states:
        by_name.setdefault(str(study.cells[cell].values[key]), []).append(cell)
    sign = -1.0 if metric.higher_is_better else 1.0
    entries = []
    for name, cells in by_name.items():
        best, *rest = sorted(cells, key=lambda cell: (not study.cells[cell].confirmed, sign * spreads[cell].mean))
        others = tuple(spreads[cell].mean for cell in rest)
        entries.append(Entry(name, study.cells[best], states[best], spreads[best], others))
    return Comparison(metric, sorted(entries, key=lambda entry: (-entry.bytes_per_parameter, entry.name)))


def _bytes_per_parameter(rows: Sequence[Row]) -> float | None:
    for row in rows:
        parameters = row.get("trainable_parameters") or row["parameters"]
        if row["optimizer_state_bytes"] is not None and parameters:
            return float(row["optimizer_state_bytes"] / parameters)
    return None


def draw(data: Comparison) -> Figure:
    figure = Figure(figsize=(WIDTH, 1.1 * HEIGHT))
    axes = figure.subplots()
    handles = [_draw_entry(axes, entry, *_look(place, entry)) for place, entry in enumerate(data.entries)]
    states = [entry.bytes_per_parameter for entry in data.entries]
    if max(states) > 10 * min(states):
        axes.set_xscale("symlog", linthresh=_LINEAR_BELOW) if min(states) < _LINEAR_BELOW else axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    axes.margins(x=0.1)
    _set_limits(axes, data)
    axes.set(xlabel="Optimizer state (bytes/parameter)", ylabel=data.metric.label)
    if any(entry.others for entry in data.entries):
        handles.append(Line2D([], [], linestyle="", marker="o", color="#BBBBBB", markersize=3, label="faint: its other settings"))
    figure.legend(handles=handles, loc="outside right center")
    return figure


def _look(place: int, entry: Entry) -> tuple[str, str]:
    """Colour and marker; both differ, so that more optimizers than hues stay apart."""
    if entry.cell.is_baseline:
        return BASELINE_COLOUR, "o"
    return MORE_CATEGORIES[place % len(MORE_CATEGORIES)], _MARKERS[place % len(_MARKERS)]


def _draw_entry(axes: Axes, entry: Entry, colour: str, marker: str) -> Line2D:
    x, spread = entry.bytes_per_parameter, entry.metric
    axes.plot([x] * len(entry.others), entry.others, marker, color=colour, alpha=0.35, markersize=3, markeredgewidth=0)
    face = colour if entry.cell.confirmed else "#FFFFFF"
    style: Any = {"color": colour, "markerfacecolor": face, "markersize": 6, "elinewidth": 1.2, "capsize": 3, "zorder": 3}
    axes.errorbar(x, spread.mean, yerr=spread.error or None, fmt=marker, **style)
    role = " (baseline)" if entry.cell.is_baseline else ""
    count = f"n = {len(spread.values)}" if entry.cell.confirmed else "one explored run"
    label = f"{entry.name}{role}: {x:.3g} B, {count}"
    return Line2D([], [], linestyle="", marker=marker, color=colour, markerfacecolor=face, markersize=5, label=label)


def _set_limits(axes: Axes, data: Comparison) -> None:
    """Settings that are far worse than every optimizer's best leave the axes."""
    ends = [entry.metric.mean + side * entry.metric.error for entry in data.entries for side in (-1, 1)]
    others = [value for entry in data.entries for value in entry.others]
    if min(ends) > 0 and max(ends) > _DECADES * min(ends):
        axes.set_yscale("log")
        return
    span = max(ends) - min(ends) or abs(ends[0]) or 1.0
    low, high = min([*ends, *others]), max([*ends, *others])
    low, high = max(low, min(ends) - 2 * span), min(high, max(ends) + 2 * span)
    axes.set_ylim(low - 0.08 * (high - low or span), high + 0.08 * (high - low or span))


def figure(study: Study) -> Figure | None:
    """The drawn figure; None when the optimizer is not varied, or fewer than two have a full run with known state."""
    data = comparison(study)
    return draw(data) if len(data.entries) > 1 else None
