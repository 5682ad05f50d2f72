"""The trials of a sweep as a table that fits its screen: the most promising first, each with its curve."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.table import Table

from sweeps.runner.outlook import Outlook
from sweeps.runner.ranking import last_value
from trainable.spec.ledger import TrialRecord, curve
from trainable.spec.status import Status

STYLES = {
    Status.RUNNING: "cyan",
    Status.COMPLETED: "green",
    Status.STOPPED_EARLY: "dim",
    Status.DIVERGED: "red",
    Status.OUT_OF_MEMORY: "red",
    Status.FAILED: "bold red",
    Status.INTERRUPTED: "yellow",
    Status.PAUSED: "yellow",
}
_SHORT = {Status.STOPPED_EARLY: "stopped", Status.OUT_OF_MEMORY: "no memory"}
_BARS = "▁▂▃▄▅▆▇█"
_MARKS = {"stop": "✕", "pause": "‖"}
_PASSED = "╎"
_CURVE_WIDTH = 10
_SHORTEST_TITLE = 5


@dataclass(frozen=True)
class Column:
    """`rank` says which go first where there is no room: the highest; None never."""

    title: str
    justify: Literal["left", "right"]
    cell: Callable[[Outlook, TrialRecord], str]
    rank: int | None = None
    is_value: bool = False


def trial_table(outlook: Outlook, records: Sequence[TrialRecord], width: int) -> Table:
    """`records` as rows, in as many columns as `width` characters hold."""
    columns = [*_FIRST, *(_value_column(key) for key in outlook.statement.varied), *_LAST]
    texts = [[column.cell(outlook, record) for column in columns] for record in records]
    widths = [max(map(len, [column.title, *cells])) for column, *cells in zip(columns, *texts, strict=True)]
    shown = fitting(columns, widths, [max([0, *map(len, cells)]) for cells in zip(*texts, strict=True)], width)
    apart = 2 if _total(shown) + len(shown) <= width else 1
    table = Table(box=None, padding=(0, apart, 0, 0), pad_edge=False, header_style="bold", expand=False)
    for number, room in shown.items():
        column = columns[number]
        table.add_column(column.title, justify=column.justify, no_wrap=True, overflow="ellipsis", width=room)
    for record, cells in zip(records, texts, strict=True):
        table.add_row(*(cells[number] for number in shown), style=STYLES[Status(record.status)])
    return table


def fitting(columns: Sequence[Column], widths: Sequence[int], contents: Sequence[int], room: int) -> dict[int, int]:
    """The columns that are shown, by number, and how wide: titles of values are cut short first, then columns left out."""
    shown = dict(enumerate(widths))
    if _total(shown) > room:
        cut = {n: min(w, max(contents[n], _SHORTEST_TITLE)) for n, w in shown.items() if contents and columns[n].is_value}
        shown |= cut
    dispensable = sorted((n for n in shown if columns[n].rank is not None), key=lambda n: -(columns[n].rank or 0))
    for number in dispensable:
        if _total(shown) <= room:
            break
        del shown[number]
    return shown


def by_promise(outlook: Outlook) -> list[TrialRecord]:
    """Running first, then by loss at the last evaluation, dead ones last."""
    sign, metric = -1.0 if outlook.statement.higher_is_better else 1.0, outlook.statement.metric

    def rank(record: TrialRecord) -> tuple[bool, bool, float, str]:
        value = last_value(record, metric)
        dead = record.status in (Status.DIVERGED, Status.FAILED, Status.OUT_OF_MEMORY)
        return (record.status != Status.RUNNING, dead, math.inf if value is None else sign * value, record.trial)

    return sorted(outlook.state.trials.values(), key=rank)


def values_text(values: Mapping[str, Any]) -> str:
    """``lr=0.0003`` for ``{"optimizer.lr": 0.0003}``."""
    return " ".join(f"{short_key(key)}={_short(value)}" for key, value in sorted(values.items()))


def short_key(key: str) -> str:
    return key.rsplit(".", 1)[-1]


def sparkline(points: Sequence[tuple[int, float]], rungs: Mapping[int, str] | None = None, width: int = _CURVE_WIDTH) -> str:
    """The curve as bars from its lowest to its highest value, at most `width` characters.

    `points` are (step, value) by step, `rungs` the decision at each step that is a rung: ╎ went on there, ✕ stopped, ‖ paused.
    """
    if not points:
        return ""
    decided = sorted((rungs or {}).items())[-(width - 1) :]
    bars = max(1, width - len(decided))
    shown = points[::-1][:: math.ceil(len(points) / bars)][::-1]
    low, span = min(value for _, value in shown), (max(v for _, v in shown) - min(v for _, v in shown)) or 1.0
    text, before = "", -1
    for step, value in shown:
        text += _marks(decided, before, step - 1) + _BARS[round((value - low) / span * (len(_BARS) - 1))]
        before = step - 1
    return text + _marks(decided, before, math.inf)


def delta(outlook: Outlook, record: TrialRecord) -> float | None:
    """Relative difference to the baseline of the same seed at the same step; None when there is nothing to compare."""
    baseline, metric = outlook.state.trials.get(f"{outlook.baseline_cell}-s{record.seed}"), outlook.statement.metric
    if baseline is None or baseline is record or not record.evaluations:
        return None
    step = max(record.evaluations)
    mine, other = record.evaluations[step].get(metric), baseline.evaluations.get(step, {}).get(metric)
    return None if mine is None or not other else float((mine - other) / other)


def _marks(decided: Sequence[tuple[int, str]], after: float, until: float) -> str:
    return "".join(_MARKS.get(decision, _PASSED) for level, decision in decided if after < level <= until)


def _state(_: Outlook, record: TrialRecord) -> str:
    status = Status(record.status)
    return f"{record.stage[:3]} {_SHORT.get(status, status)}"


def _loss(outlook: Outlook, record: TrialRecord) -> str:
    value = last_value(record, outlook.statement.metric)
    return "" if value is None else f"{value:.4f}" if abs(value) < 1e4 else f"{value:.3g}"


def _delta(outlook: Outlook, record: TrialRecord) -> str:
    if record.cell == outlook.baseline_cell:
        return "baseline"
    difference = delta(outlook, record)
    return "" if difference is None else f"{difference:+.1%}" if abs(difference) < 100 else f"{difference:+.0e}"


def _curve(outlook: Outlook, record: TrialRecord) -> str:
    points = [(step, value) for step, value in curve(record, outlook.statement.metric) if value is not None and math.isfinite(value)]
    return sparkline(points, {rung["level"]: rung["decision"] for rung in record.rungs})


def _last(metric: str, form: str) -> Callable[[Outlook, TrialRecord], str]:
    def text(_: Outlook, record: TrialRecord) -> str:
        value = last_value(record, metric)
        return "" if value is None else format(value, form)

    return text


def _value_column(key: str) -> Column:
    return Column(short_key(key), "right", lambda _, record: _short(record.values.get(key, "")), is_value=True)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


_FIRST = [Column("state", "left", _state)]
_LAST = [
    Column("seed", "right", lambda _, record: str(record.seed), rank=1),
    Column("step", "right", lambda _, record: str(record.step)),
    Column("loss", "right", _loss),
    Column("Δ", "right", _delta, rank=0),
    Column("curve", "left", _curve, rank=2),
    Column("tok/s", "right", _last("time/tokens_per_sec", ",.0f"), rank=4),
    Column("GB", "right", _last("memory/peak_gb", ".2f"), rank=3),
]


def _total(shown: Mapping[int, int]) -> int:
    return sum(shown.values()) + len(shown) - 1
