"""What the exploration did: every trial, where it was stopped and why, and what stopping saved."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.columns import Row
from analysis.report.markdown import MISSING, headed_table, number
from analysis.study import Study
from trainable.spec.ledger import SweepState
from trainable.spec.status import Stage, Status


@dataclass(frozen=True)
class Savings:
    """Optimizer steps of the explored trials against those of full runs; `unknown` trials have no step count and are in neither sum."""

    trials: int
    steps: int
    full_steps: int
    unknown: int

    @property
    def share_saved(self) -> float | None:
        return 1 - self.steps / self.full_steps if self.full_steps else None


def savings(rows: Sequence[Row], max_steps: int) -> Savings:
    """What early stopping (and the early end of diverged trials) saved in the exploration; trials still under way are left out."""
    ended = [row for row in _explored(rows) if row["status"] not in (Status.RUNNING, Status.PAUSED, Status.INTERRUPTED)]
    known = [row for row in ended if row["step"] is not None]
    full = sum(row["max_steps"] or max_steps for row in known)
    return Savings(len(known), sum(row["step"] for row in known), full, len(ended) - len(known))


def section(study: Study, state: SweepState) -> list[str]:
    """The exploration as a Markdown section; empty when there was none."""
    rows = _explored(study.rows)
    if not rows:
        return []
    statement = study.statement
    ranked = sorted(rows, key=lambda row: _merit(row, statement.metric, statement.higher_is_better))
    header = ["configuration", statement.metric, "best eval/loss", "steps", "status", "why"]
    body = [
        [
            study.cells[row["cell"]].title,
            number(row.get(statement.metric)),
            number(row["best_eval_loss"]),
            _steps(row),
            str(row["status"]),
            _why(row, state),
        ]
        for row in ranked
    ]
    saved = _saved(savings(study.rows, statement.max_steps), _what_saved(rows, statement.settings))
    return ["## Exploration", "", saved, "", *headed_table(header, body, rest="stage `explore` of trials.parquet"), ""]


def _explored(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["stage"] == Stage.EXPLORE]


def _merit(row: Row, metric: str, higher_is_better: bool) -> tuple[int, int, float]:
    """Those that came further first, then by value; without a value last."""
    value = row.get(metric)
    if value is None or not math.isfinite(value):
        return (1, 0, 0.0)
    return (0, -(row["step"] or 0), -value if higher_is_better else value)


def _steps(row: Row) -> str:
    step, full = row["step"], row["max_steps"]
    return f"{MISSING if step is None else step} of {MISSING if full is None else full}"


def _why(row: Row, state: SweepState) -> str:
    """The stop reason as recorded, and the comparison at the last rung for a trial that was stopped there."""
    reason = str(row["stop_reason"] or row["error"] or "").strip().split("\n")[-1]
    record = state.trials.get(row["trial"])
    if row["status"] != Status.STOPPED_EARLY or record is None or not record.rungs:
        return reason
    rung = record.rungs[-1]
    if rung.get("value") is None or rung.get("cutoff") is None:
        return reason
    compared = f"{number(rung['value'])} against a cutoff of {number(rung['cutoff'])}"
    return f"{reason}: {compared}" if reason else compared


def _saved(saved: Savings, saver: str) -> str:
    if saved.share_saved is None:
        return "No explored trial has ended with a known number of steps."
    text = (
        f"{saved.trials} trials took {saved.steps:,} of the {saved.full_steps:,} steps that full runs would have taken: "
        f"{saver} saved {saved.share_saved:.0%}."
    )
    return text + (f" {saved.unknown} more trials left no step count and are not part of this sum." if saved.unknown else "")


def _what_saved(rows: Sequence[Row], settings: Mapping[str, Any]) -> str:
    section = settings.get("scheduler")
    name = section.get("name") if isinstance(section, dict) else None
    scheduler = str(name).upper() if name else "early stopping"
    diverged = any(row["status"] == Status.DIVERGED for row in rows)
    return scheduler + (" and the early end of diverged trials" if diverged else "")
