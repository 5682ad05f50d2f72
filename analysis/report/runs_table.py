"""Every run of a sweep in a line, and how long they took."""

from collections.abc import Sequence
from statistics import fmean

from analysis.columns import Row
from analysis.report.evidence import Evidence
from analysis.report.markdown import MISSING, duration, long_table, number, table

ALL_RUNS = '`pandas.read_parquet("trials.parquet")` has every run'
_HEADER = ["configuration", "stage", "seed", "status", "steps", "train/loss", "eval/loss", "tokens/s", "peak GB", "duration", "run"]


def section(evidence: Evidence) -> list[str]:
    rows = evidence.study.rows
    if not rows:
        return []
    known = [row for row in rows if row["duration_seconds"]]
    return ["## Training duration", "", *_durations(evidence, known), "", *long_table(*_runs(evidence), rest=ALL_RUNS), ""]


def _runs(evidence: Evidence) -> tuple[list[str], list[list[str]], str]:
    order = {cell: place for place, cell in enumerate(evidence.study.cells)}
    rows = sorted(evidence.study.rows, key=lambda row: (row["stage"] or "", order[row["cell"]], row["seed"] or 0))
    return _HEADER, [_line(evidence, row) for row in rows], f"Every run: {len(rows)} rows"


def _line(evidence: Evidence, row: Row) -> list[str]:
    seconds = row["duration_seconds"]
    return [
        evidence.study.cells[row["cell"]].title,
        row["stage"] or MISSING,
        MISSING if row["seed"] is None else str(row["seed"]),
        row["status"],
        MISSING if row["step"] is None else str(row["step"]),
        number(row.get("train/loss")),
        number(row.get("eval/loss")),
        number(row.get("time/tokens_per_sec")),
        number(row.get("memory/peak_gb")),
        duration(seconds) if seconds else MISSING,
        f"`{row['run_id']}`",
    ]


def _durations(evidence: Evidence, rows: Sequence[Row]) -> list[str]:
    """Mean, shortest and longest full run of each confirmed cell."""
    body = []
    for cell in evidence.cells:
        seconds = [row["duration_seconds"] for row in evidence.completed(cell.cell) if row["duration_seconds"]]
        if seconds:
            spans = [duration(fmean(seconds)), duration(min(seconds)), duration(max(seconds))]
            body.append([evidence.title(cell.cell), str(len(seconds)), *spans])
    total = sum(row["duration_seconds"] for row in rows)
    lines = [f"All {len(rows)} trials with a known duration took {duration(total)} together."]
    return [*lines, *(["", *table(["configuration", "full runs", "mean", "shortest", "longest"], body)] if body else [])]
