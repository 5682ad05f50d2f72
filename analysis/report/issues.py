"""Issues and notes of a sweep: what failed (with the end of its log), was retried or diverged, warnings, damage, amendments."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from analysis.amendments import changes
from analysis.columns import Row
from analysis.report.evidence import Evidence
from analysis.report.markdown import MISSING, counted, folded, long_table, table
from trainable.spec.status import Status

TROUBLE = (Status.DIVERGED, Status.OUT_OF_MEMORY, Status.FAILED, Status.INTERRUPTED)
_LEVELS = ("[WARNING]", "[ERROR]", "[CRITICAL]")
# Enough for the last attempts of a run; a log is read from its end.
_LOG_BYTES = 256 * 1024
_ERROR_LINES, _SHOWN_ERRORS, _SHOWN_WARNINGS, _SHOWN_NOTES = 25, 5, 10, 20


def section(evidence: Evidence) -> list[str]:
    """Every part that has something to tell; a sentence when none has."""
    parts = [
        *_titled("Diverged, failed, retried", _trouble(evidence)),
        *_titled("Errors", _errors(evidence)),
        *_titled("Warnings in the logs", _warnings(evidence)),
        *_titled("Missing, damaged or contradictory", _notes(evidence)),
        *_titled("Drivers", _drivers(evidence)),
        *_titled("Changed after the start", _amendments(evidence)),
    ]
    stopped = sum(row["status"] == Status.STOPPED_EARLY for row in evidence.study.rows)
    early = [f"Stopped early on purpose: {counted(stopped, 'trial')} (see Exploration).", ""] if stopped else []
    return ["## Issues and notes", "", *early, *(parts or ["Nothing failed, diverged or was retried; no file is missing or damaged.", ""])]


def _titled(title: str, lines: Sequence[str]) -> list[str]:
    return [f"### {title}", "", *lines, ""] if lines else []


def _trouble(evidence: Evidence) -> list[str]:
    rows = [row for row in evidence.study.rows if row["status"] in TROUBLE or (row["attempts"] or 1) > 1]
    header = ["configuration", "seed", "stage", "status", "attempts", "why"]
    body = [
        [evidence.title(row["cell"]), str(row["seed"]), row["stage"] or "", row["status"], str(row["attempts"] or MISSING), _reason(row)]
        for row in rows
    ]
    return long_table(header, body, f"{len(body)} trials", rest="column `status` of trials.parquet") if body else []


def _reason(row: Row) -> str:
    """The stop reason, and the first line of the error: what follows it is the end of the log."""
    error = str(row["error"] or "").split("\n--- the end of ")[0].strip().split("\n")[-1]
    return "; ".join(dict.fromkeys(part for part in (row["stop_reason"], error) if part))


def _errors(evidence: Evidence) -> list[str]:
    failed = [row for row in evidence.study.rows if row["error"]]
    lines: list[str] = []
    for row in failed[:_SHOWN_ERRORS]:
        last = str(row["error"]).replace("```", "'''").strip().split("\n")[-_ERROR_LINES:]
        title = f"{evidence.title(row['cell'])}, seed {row['seed']}: the end of its error and log"
        lines += [*folded(title, ["```text", *last, "```"]), ""]
    more = [f"{len(failed) - _SHOWN_ERRORS} more in the column `error` of trials.parquet."] if len(failed) > _SHOWN_ERRORS else []
    return [*lines, *more]


def _warnings(evidence: Evidence) -> list[str]:
    """Different messages with the number of runs that logged them."""
    runs: Counter[str] = Counter()
    for trial in evidence.sweep.trials:
        runs.update(set(warnings_in(trial.run_dir.train_log)))
    shown = [[str(count), message] for message, count in runs.most_common(_SHOWN_WARNINGS)]
    more = [f"{len(runs) - _SHOWN_WARNINGS} more in `logs/train.log` of the runs."] if len(runs) > _SHOWN_WARNINGS else []
    return [*table(["runs", "message"], shown), *more] if shown else []


def warnings_in(log: Path) -> Iterator[str]:
    """The messages of warnings and errors at the end of a log, without their times."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, log.stat().st_size - _LOG_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        level = next((level for level in _LEVELS if level in line), None)
        if level:
            yield f"{level} {line.split(level, 1)[1].strip()[:200]}"


def _notes(evidence: Evidence) -> list[str]:
    """Damage, and where ledger and run directory tell different things."""
    noted = [(row["trial"], row["note"]) for row in evidence.study.rows if row["note"]]
    lines = [f"- {note}" for note in evidence.sweep.notes]
    lines += [f"- `{trial}`: {note}" for trial, note in [*noted, *evidence.altered_curves.items()]]
    more = (
        [f"- {len(lines) - _SHOWN_NOTES} more; the column `note` of trials.parquet has those of trials"]
        if len(lines) > _SHOWN_NOTES
        else []
    )
    return [*lines[:_SHOWN_NOTES], *more]


def _drivers(evidence: Evidence) -> list[str]:
    """Told when it took more than one, or one ended otherwise than finished."""
    state = evidence.sweep.state
    odd = [ending for ending in state.endings if ending.get("status") != "finished"]
    if len(state.drivers) < 2 and not odd:
        return []
    ends = Counter(str(ending.get("status")) for ending in state.endings)
    silent = len(state.drivers) - len(state.endings)
    told = ", ".join(f"{count} {status}" for status, count in sorted(ends.items())) + (f", {silent} without a word" if silent > 0 else "")
    messages = [f"- {ending['time']}: {ending['message']}" for ending in odd if ending.get("message")]
    return [f"The sweep was carried out by {len(state.drivers)} drivers, one after the other: {told.removeprefix(', ')}.", *messages[-5:]]


def _amendments(evidence: Evidence) -> list[str]:
    return [f"- {sentence}" for sentence in changes(evidence.sweep.statement)]
