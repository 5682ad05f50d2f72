"""``RESULTS.md``: the verdict first, then what it rests on. Everything in it is computed from the files of the sweep."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from analysis.columns import Row
from analysis.compare import CellSummary
from analysis.figures.registry import FIGURES
from analysis.load import Sweep
from analysis.report import cells as cells_section
from analysis.report import exploration
from analysis.report.markdown import duration, table
from analysis.study import Study, shown
from analysis.verdict import Outcome, Verdict
from trainable.spec.status import Status

_MARKS = {Outcome.CONFIRMED: "✅", Outcome.REFUTED: "❌", Outcome.UNDECIDED: "❔"}
_TROUBLE = (Status.DIVERGED, Status.OUT_OF_MEMORY, Status.FAILED, Status.INTERRUPTED)


def results_page(sweep: Sweep, study: Study, verdicts: Sequence[Verdict], cells: Sequence[CellSummary], files: Sequence[Path]) -> str:
    """The whole page."""
    lines = [
        f"# {sweep.statement.name}",
        "",
        *_verdicts(verdicts, study),
        *_hypothesis(sweep, study),
        *cells_section.section(study, cells),
        *_figures(sweep, files),
        *exploration.section(study, sweep.state),
        *_trouble(study),
        *_notes(sweep, study.rows),
        *_cost(study.rows),
        *_reproduce(sweep),
        *_files(sweep, files),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _verdicts(verdicts: Sequence[Verdict], study: Study) -> list[str]:
    lines = ["## Verdict", ""]
    for verdict in verdicts:
        cell = study.cells.get(verdict.cell or "")
        about = f" ({cell.title})" if cell else ""
        lines += [f"{_MARKS[verdict.outcome]} **{verdict.outcome}**: {verdict.claim}{about}  ", f"{verdict.reason}.", ""]
    return lines if verdicts else [*lines, "The sweep made no claim.", ""]


def _hypothesis(sweep: Sweep, study: Study) -> list[str]:
    statement = sweep.statement
    written = f" (written down {statement.created}, before the first trial)" if statement.created else ""
    baseline = ", ".join(f"{key} = {shown(value)}" for key, value in statement.baseline_values.items())
    return [
        f"## Hypothesis{written}",
        "",
        statement.hypothesis or "(none was written down)",
        "",
        f"Baseline: {baseline or statement.baseline_cell}. {cells_section.statuses(study.rows)}.",
        "",
    ]


def _figures(sweep: Sweep, files: Sequence[Path]) -> list[str]:
    drawn = [file for file in files if file.suffix == ".png"]
    lines: list[str] = []
    for file in drawn:
        lines += [f"![{file.stem}]({file.relative_to(sweep.directory.path).as_posix()})", "", f"*{FIGURES[file.stem].caption}*", ""]
    return ["## Figures", "", *lines] if drawn else []


def _trouble(study: Study) -> list[str]:
    rows = [row for row in study.rows if row["status"] in _TROUBLE or (row["attempts"] or 1) > 1]
    if not rows:
        return ["## Divergences and failures", "", "None.", ""]
    body = [
        [study.cells[row["cell"]].title, str(row["seed"]), row["stage"] or "", row["status"], str(row["attempts"] or ""), _reason(row)]
        for row in rows
    ]
    return ["## Divergences and failures", "", *table(["configuration", "seed", "stage", "status", "attempts", "why"], body), ""]


def _reason(row: Row) -> str:
    last_line = str(row["error"] or "").strip().split("\n")[-1]
    return "; ".join(part for part in (row["stop_reason"], last_line) if part)


def _notes(sweep: Sweep, rows: Sequence[Row]) -> list[str]:
    """Damage, and where ledger and run directory tell different things."""
    lines = [f"- {note}" for note in sweep.notes] + [f"- `{row['trial']}`: {row['note']}" for row in rows if row["note"]]
    return ["## Missing, damaged or contradictory", "", *lines, ""] if lines else []


def _cost(rows: Sequence[Row]) -> list[str]:
    tokens = sum(row["tokens"] or 0 for row in rows)
    steps = sum(row["step"] or 0 for row in rows)
    seconds = sum(row["duration_seconds"] or 0.0 for row in rows)
    places = sorted({f"{row['host']} ({row['device']})" for row in rows if row["host"]})
    where = f" on {', '.join(places)}" if places else ""
    return ["## Cost", "", f"{steps:,} steps, {tokens:,} tokens and {duration(seconds)} of training over all trials{where}.", ""]


def _reproduce(sweep: Sweep) -> list[str]:
    commands = []
    for driver in sweep.state.drivers:
        command, commit = driver.get("command"), driver.get("commit")
        text = shlex.join(map(str, command)) if isinstance(command, list) else str(command or "")
        commands += ([f"git checkout {commit}"] if commit else []) + ([text] if text else [])
    again = f"python -m analysis report {shlex.quote(_as_given(sweep.directory.path))}"
    lines = [*dict.fromkeys(commands), f"{again}  # this page, the tables and the figures from the files of the sweep"]
    return ["## How to reproduce", "", "```", *lines, "```", ""]


def _as_given(path: Path) -> str:
    """Relative where that is possible: what lies above the working directory says nothing to another reader."""
    absolute = path.resolve()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else path.name


def _files(sweep: Sweep, files: Sequence[Path]) -> list[str]:
    directory = sweep.directory
    about = {
        directory.statement: "what the sweep stated before its first trial",
        directory.ledger: "every event of the sweep, in order",
        directory.trials: "one row per trial; `pandas.read_parquet` reads it, units are in the field metadata",
        directory.metrics: "one row per trial and logged step",
    }
    figures = {file: "figure" for file in files if file.suffix in (".png", ".pdf")}
    lines = [f"- `{file.relative_to(directory.path).as_posix()}`: {text}" for file, text in {**about, **figures}.items() if file.exists()]
    return ["## Files", "", *lines, f"- `{sweep.statement.runs_dir}/<run_id>/`: configuration, log, metrics, checkpoints of each trial", ""]
