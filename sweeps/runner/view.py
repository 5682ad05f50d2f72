"""What a sweep looks like on a screen: a table of trials made from the blueprint and the ledger's state."""

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sweeps.runner.blueprint import Blueprint
from sweeps.runner.ranking import last_value
from trainable.spec.ledger import SweepState, TrialRecord, curve
from trainable.spec.status import Stage, Status

_STYLES = {
    Status.RUNNING: "cyan",
    Status.COMPLETED: "green",
    Status.STOPPED_EARLY: "dim",
    Status.DIVERGED: "red",
    Status.OUT_OF_MEMORY: "red",
    Status.FAILED: "bold red",
    Status.INTERRUPTED: "yellow",
    Status.PAUSED: "yellow",
}
_BARS = "▁▂▃▄▅▆▇█"
_EVENTS_SHOWN = 3


def screen(blueprint: Blueprint, state: SweepState, *, rows: int, eta_seconds: float | None, elapsed_seconds: float) -> RenderableType:
    """The whole view, at most `rows` trials, most promising first, those at work before all others."""
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
    for title, justify in _COLUMNS:
        table.add_column(title, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    ordered = by_promise(blueprint, state)
    for record in ordered[:rows]:
        table.add_row(*_row(blueprint, state, record), style=_STYLES[Status(record.status)])
    hidden = len(ordered) - rows
    more = [Text(f"... and {hidden} more", style="dim")] if hidden > 0 else []
    return Group(header(blueprint, state, eta_seconds, elapsed_seconds), table, *more, *_recent(state))


_COLUMNS = [
    ("state", "left"),
    ("values", "left"),
    ("seed", "right"),
    ("step", "right"),
    ("loss", "right"),
    ("Δ", "right"),
    ("curve", "left"),
    ("tok/s", "right"),
]


def header(blueprint: Blueprint, state: SweepState, eta_seconds: float | None, elapsed_seconds: float) -> Text:
    """One line: which stage, how many trials, how long still."""
    explore = [r for r in state.trials.values() if r.stage == Stage.EXPLORE]
    confirm = [r for r in state.trials.values() if r.stage == Stage.CONFIRM]
    planned_explore, planned_confirm = blueprint.expected_trials
    if state.finalists is not None:
        cells = {*state.finalists, *([baseline] if (baseline := blueprint.baseline_cell(state)) else [])}
        planned_confirm = len(cells) * len(blueprint.settings.sweep.seeds)
    stage = "confirm" if state.finalists is not None else "explore"
    eta = "" if eta_seconds is None else f", about {clock(eta_seconds)} left"
    explored = f"explore {_ended(explore)}/{planned_explore}, " if planned_explore else ""
    counts = f"{explored}confirm {_ended(confirm)}/{planned_confirm}"
    return Text(f"{blueprint.sweep.name} · {stage} · {counts} · {clock(elapsed_seconds)}{eta}", style="bold")


def by_promise(blueprint: Blueprint, state: SweepState) -> list[TrialRecord]:
    """Running first, then by loss at the last evaluation, dead ones last."""
    sign = -1.0 if blueprint.higher_is_better else 1.0

    def rank(record: TrialRecord) -> tuple[bool, bool, float, str]:
        value = last_value(record, blueprint.metric)
        dead = record.status in (Status.DIVERGED, Status.FAILED, Status.OUT_OF_MEMORY)
        return (record.status != Status.RUNNING, dead, math.inf if value is None else sign * value, record.trial)

    return sorted(state.trials.values(), key=rank)


def values_text(values: Mapping[str, Any]) -> str:
    """``lr=3e-04`` for ``{"optimizer.lr": 0.0003}``."""
    return " ".join(f"{key.rsplit('.', 1)[-1]}={_short(value)}" for key, value in sorted(values.items()))


def sparkline(values: list[float], width: int = 10) -> str:
    """The curve as bars, lowest to highest, at most `width` of them."""
    if not values:
        return ""
    step = max(1, math.ceil(len(values) / width))
    shown = values[::-1][::step][::-1]
    low, span = min(shown), (max(shown) - min(shown)) or 1.0
    return "".join(_BARS[round((value - low) / span * (len(_BARS) - 1))] for value in shown)


def clock(seconds: float) -> str:
    """``4:05`` or ``1:04:05``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def delta_text(blueprint: Blueprint, state: SweepState, record: TrialRecord) -> str:
    """Relative difference to the baseline of the same seed at the same step; empty when there is nothing to compare."""
    baseline = state.trials.get(f"{blueprint.baseline_cell(state)}-s{record.seed}")
    if baseline is None or baseline is record or not record.evaluations:
        return ""
    step = max(record.evaluations)
    mine, other = record.evaluations[step].get(blueprint.metric), baseline.evaluations.get(step, {}).get(blueprint.metric)
    return "" if mine is None or not other else f"{(mine - other) / other:+.1%}"


def _row(blueprint: Blueprint, state: SweepState, record: TrialRecord) -> list[str]:
    value = last_value(record, blueprint.metric)
    speed = last_value(record, "time/tokens_per_sec")
    points = [v for _, v in curve(record, blueprint.metric) if v is not None and math.isfinite(v)]
    mark = "*" if record.cell == blueprint.baseline_cell(state) else ""
    return [
        f"{record.stage[:3]} {record.status.replace('_', ' ')}",
        values_text(record.values) + mark,
        str(record.seed),
        str(record.step),
        "" if value is None else f"{value:.4f}",
        delta_text(blueprint, state, record),
        sparkline(points),
        "" if speed is None else f"{speed:,.0f}",
    ]


def _recent(state: SweepState) -> list[Text]:
    """The newest endings that need a word."""
    ended = [r for r in state.trials.values() if r.ended and r.stop_reason]
    newest = sorted(ended, key=lambda r: r.ended or "")[-_EVENTS_SHOWN:]
    return [Text(f"  {_event(record)}", style="dim", no_wrap=True, overflow="ellipsis") for record in newest]


def _event(record: TrialRecord) -> str:
    rung = record.rungs[-1] if record.rungs else None
    numbers = (
        f": {rung['value']:.4g} against {rung['cutoff']:.4g}" if rung and rung["value"] is not None and rung["cutoff"] is not None else ""
    )
    return f"{values_text(record.values)} seed {record.seed}: {record.stop_reason}{numbers}"


def _ended(records: list[TrialRecord]) -> int:
    return sum(record.status not in (Status.RUNNING, Status.PAUSED, Status.INTERRUPTED) for record in records)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
