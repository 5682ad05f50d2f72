"""The head of a sweep's page: what was tested, on what, when, and how far it came."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from analysis.amendments import written
from analysis.checkpoints.of_sweep import tally
from analysis.columns import CONFIG_PREFIX, Row
from analysis.compare import counted_seeds
from analysis.report.cells import statuses
from analysis.report.evidence import Evidence
from analysis.report.markdown import duration
from analysis.study import order_of, shown
from trainable.spec.statement import Statement
from trainable.spec.status import Status

_OPEN = frozenset({Status.RUNNING, Status.PAUSED, Status.INTERRUPTED})
_MOST_VALUES = 12


def section(evidence: Evidence) -> list[str]:
    """What was tested and how far it came."""
    statement, rows = evidence.sweep.statement, evidence.study.rows
    when = written(statement, "hypothesis")
    entries = [
        ("Hypothesis", (statement.hypothesis or "(none was written down)") + (f" Written down {when}." if when else "")),
        ("Date", dates(rows) or "no trial has started"),
        ("Status", f"{completion(evidence)} {statuses(rows)}."),
        ("Model", _model(statement, rows)),
        ("Data", str(config_value(statement, "data.name"))),
        ("Varied", "; ".join(f"`{key}`: {tried_values(rows, key)}" for key in statement.varied)),
        ("Baseline", baseline(statement)),
        ("Budget", _budget(statement, rows)),
        ("Cost", _cost(evidence)),
        ("Checkpoints", tally(dict(evidence.checkpoints)).sentence()),
    ]
    return ["## Overview", "", *(f"- **{name}:** {text}" for name, text in entries if text), ""]


def completion(evidence: Evidence) -> str:
    """Whether everything that was asked for has ended, and well."""
    rows = evidence.study.rows
    still = sum(row["status"] in _OPEN for row in rows)
    failed = sum(row["status"] in (Status.FAILED, Status.OUT_OF_MEMORY) for row in rows)
    pending = sum(len(cell.seeds.pending) for cell in evidence.cells)
    if not rows:
        return "▶ not started."
    if still or pending or not evidence.cells:
        return "▶ under way, or interrupted."
    return "⚠️ ended, with failures." if failed else "✅ complete."


def dates(rows: Iterable[Row]) -> str:
    """First start and last end, as dates."""
    known = [row[name] for row in rows for name in ("started", "ended") if isinstance(row[name], datetime)]
    first, last = (f"{moment:%Y-%m-%d}" for moment in (min(known), max(known))) if known else ("", "")
    return first if first == last else f"{first} to {last}"


def tried_values(rows: Sequence[Row], key: str) -> str:
    """The values of a varied key, a long list as its ends."""
    values = sorted({_hashable(row[CONFIG_PREFIX + key]) for row in rows}, key=order_of)
    if len(values) > _MOST_VALUES:
        return f"{len(values)} values from {shown(values[0])} to {shown(values[-1])}"
    return ", ".join(map(shown, values)) or "nothing tried yet"


def _hashable(value: Any) -> Any:
    return str(value) if isinstance(value, list | dict) else value


def baseline(statement: Statement) -> str:
    return ", ".join(f"{key} = {shown(value)}" for key, value in statement.baseline_values.items()) or statement.baseline_cell


def config_value(statement: Statement, key: str) -> Any:
    """A value of the base configuration; None where it is not told."""
    value: Any = statement.base_config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _model(statement: Statement, rows: Sequence[Row]) -> str:
    counts = sorted({row["parameters"] for row in rows if row["parameters"]})
    size = f"{counts[0]:,}" + (f" to {counts[-1]:,}" if len(counts) > 1 else "") + " trainable parameters" if counts else ""
    names = [str(name) for name in (config_value(statement, "model.name"), config_value(statement, "optimizer.name")) if name]
    return ", ".join([*names, *([size] if size else [])])


def _budget(statement: Statement, rows: Sequence[Row]) -> str:
    scheduler = statement.settings.get("scheduler")
    name = scheduler.get("name") if isinstance(scheduler, dict) else None
    explored = f"explored on seed {statement.explore_seed}" + (f" with {name}" if name else "")
    seeds = f"the seeds {', '.join(map(str, counted_seeds(statement, rows)))}"
    how = f"{explored}; confirmed on {seeds}" if statement.explores else f"every cell on {seeds}"
    return f"{statement.max_steps:,} steps for a full run; {how}"


def _cost(evidence: Evidence) -> str:
    rows, seconds = evidence.study.rows, evidence.sweep.state.seconds
    places = Counter(f"{row['host']} ({row['device']})" for row in rows if row["host"])
    where = f" on {', '.join(sorted(places))}" if places else ""
    training = sum(row["duration_seconds"] or 0.0 for row in rows)
    steps, tokens = (sum(row[name] or 0 for row in rows) for name in ("step", "tokens"))
    clock = f", {duration(seconds)} by the clock" if seconds else ""
    return f"{steps:,} steps, {tokens:,} tokens and {duration(training)} of training over all trials{where}{clock}"
