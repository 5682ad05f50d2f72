"""What the scripts of the page work on: trials as columns, swept keys as axes, cells with their colours, and curves."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from analysis.columns import CONFIG_PREFIX, Row
from analysis.figures.key_axis import KeyAxis, key_axes, needs_log
from analysis.figures.metric_by_value import by_value, worst_shown
from analysis.figures.style import key_label, metric_label
from analysis.page.curve_data import curve_data, significant
from analysis.page.palette import palette, ramp
from analysis.study import Study, short_names
from trainable.spec.status import Stage, Status

# More would not fit the size that a page may have; trials.parquet has them all.
MOST_TRIALS, LONGEST_TEXT = 2_500, 2_000
_RANKS = 12
_CLOSEST_TICKS = 0.04
# In the table, where they were measured; the sweep's own metric comes before them.
_TABLE = {
    "best_eval_loss": "best eval/loss",
    "test/loss": "test/loss",
    "time/tokens_per_sec": "tokens/s",
    "memory/peak_gb": "peak GB",
    "duration_seconds": "seconds",
}
_DETAILS = (
    *("eval/loss", "train/loss", "eval/perplexity", "optimizer/grad_norm", "max_steps", "tokens", "parameters", "optimizer_state_bytes"),
    *("checkpoint_bytes", "predicted_peak_memory_gb", "attempts", "host", "device", "commit", "started", "ended", "run_id"),
    *("stop_reason", "error", "note"),
)


def shown_rows(study: Study) -> list[Row]:
    """The trials of the page, in the order of its table: confirmations first, then those that came furthest, the best first."""
    metric, sign = study.statement.metric, -1 if study.statement.higher_is_better else 1

    def place(row: Row) -> tuple[Any, ...]:
        value = row.get(metric)
        merit = sign * value if value is not None and math.isfinite(value) else math.inf
        return (row["stage"] != Stage.CONFIRM, merit == math.inf, -(row["step"] or 0), merit, row["trial"])

    return sorted(study.rows, key=place)[:MOST_TRIALS]


def page_data(study: Study) -> dict[str, Any]:
    """Everything as plain JSON values; numbers that are not finite are missing."""
    statement, rows = study.statement, shown_rows(study)
    places = {row["trial"]: place for place, row in enumerate(rows)}
    values = [row[statement.metric] for row in rows if _is_full(row) and row.get(statement.metric) is not None]
    return {
        "metric": {
            "id": statement.metric,
            "label": metric_label(statement.metric),
            "higherIsBetter": statement.higher_is_better,
            "log": needs_log(values),
            "edge": _edge(study),
        },
        "keys": _keys(study),
        "columns": _columns(study, rows),
        "cells": _cells(study),
        "curves": curve_data(study, places),
        "config": flat(statement.base_config),
        "ranks": {"light": ramp("light", _RANKS), "dark": ramp("dark", _RANKS)},
    }


def _edge(study: Study) -> float | None:
    """The value beyond which a trial is drawn at the edge of its figure; None: all are drawn where they are."""
    worst = worst_shown(by_value(study, study.statement.varied[0])) if study.statement.varied else None
    return None if worst is None else significant(worst, 4)


def _is_full(row: Row) -> bool:
    return bool(row["status"] == Status.COMPLETED)


def _keys(study: Study) -> list[dict[str, Any]]:
    """`ticks` are places from 0 to 1 with their texts; `low` and `high` the numbers there, `names` what is evenly spaced by name."""
    names = short_names(study.statement.varied)
    return [
        {
            "id": CONFIG_PREFIX + axis.key,
            "key": axis.key,
            "name": names[axis.key],
            "label": key_label(axis.key, axis.values),
            "log": axis.is_numeric and axis.is_log,
            "names": None if axis.is_numeric else [str(value) for value in axis.values],
            "few": axis.values if axis.is_numeric and len(axis.values) <= _RANKS else None,
            "low": axis.place(axis.values[0]),
            "high": axis.place(axis.values[-1]),
            "ticks": _ticks(axis),
        }
        for axis in key_axes(study)
    ]


def _ticks(axis: KeyAxis) -> list[tuple[float, str]]:
    low, high = axis.place(axis.values[0]), axis.place(axis.values[-1])
    kept: list[tuple[float, str]] = []
    for at, text in axis.ticks():
        share = (at - low) / (high - low)
        if not kept or share - kept[-1][0] > _CLOSEST_TICKS:
            kept.append((share, text))
    return kept


def _columns(study: Study, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What is the same in every trial is carried once (`constant`); `inTable` says whether the table shows it."""
    statement = study.statement
    names = short_names(statement.varied)
    table = {statement.metric: statement.metric, **{CONFIG_PREFIX + key: names[key] for key in statement.varied}}
    table |= {name: name for name in ("stage", "seed", "status", "step")} | _TABLE
    number_of = {cell: number for number, cell in enumerate(study.cells)}
    columns: list[dict[str, Any]] = [{"id": "trial", "inTable": False, **_values([row["trial"] for row in rows])}]
    columns.append({"id": "cell", "inTable": False, **_values([number_of[row["cell"]] for row in rows])})
    for column in dict.fromkeys([*table, *_DETAILS]):
        found = [_plain(row.get(column)) for row in rows]
        if any(value is not None for value in found):
            columns.append({"id": column, "label": table.get(column, column), "inTable": column in table, **_values(found)})
    return columns


def _values(found: list[Any]) -> dict[str, Any]:
    is_number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in found if value is not None)
    same = bool(found) and all(value == found[0] for value in found)
    return {"numeric": is_number, **({"constant": found[0]} if same else {"values": found})}


def _plain(value: Any) -> Any:
    """A cell of the table as JSON has it."""
    if isinstance(value, float):
        return significant(value, 7) if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"{value[: LONGEST_TEXT // 2]} … {value[-LONGEST_TEXT // 2 :]}"
    return value


def _cells(study: Study) -> list[dict[str, Any]]:
    colours = palette(list(study.cells.values()))
    return [{"title": cell.title, "role": cell.role, "colours": colours[cell.cell]} for cell in study.cells.values()]


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys and their values, lists as text."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = str(value) if isinstance(value, list) else _plain(value)
    return found
