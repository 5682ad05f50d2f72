"""``RESULTS.md``: the verdict first, then what it rests on. Everything in it is computed from the files of the sweep."""

from collections.abc import Callable, Sequence

from analysis.amendments import changes
from analysis.figures.registry import caption_of
from analysis.report import (
    appendix,
    cells,
    checkpoint_section,
    exploration,
    findings,
    issues,
    memory,
    next_steps,
    overview,
    pareto,
    runs_table,
    storage,
)
from analysis.report.evidence import Evidence
from analysis.study import Study
from analysis.verdict import Outcome, Verdict

Section = Callable[[Evidence], list[str]]
MARKS = {Outcome.CONFIRMED: "✅", Outcome.REFUTED: "❌", Outcome.UNDECIDED: "❔"}


def results_page(evidence: Evidence) -> str:
    """The whole page."""
    lines = [f"# {evidence.sweep.statement.name}", ""]
    for section in SECTIONS:
        lines += section(evidence)
    return "\n".join(lines).rstrip() + "\n"


def verdict_lines(verdicts: Sequence[Verdict], study: Study) -> list[str]:
    """Each claim with its mark, and the reason below it."""
    lines = []
    for verdict in verdicts:
        cell = study.cells.get(verdict.cell or "")
        about = f" ({cell.title})" if cell else ""
        lines += [f"{MARKS[verdict.outcome]} **{verdict.outcome}**: {verdict.claim}{about}  ", f"{verdict.reason}.", ""]
    return lines or ["The sweep made no claim.", ""]


def _verdict(evidence: Evidence) -> list[str]:
    late = [f"⚠️ {sentence[0].upper()}{sentence[1:]}." for sentence in changes(evidence.sweep.statement)]
    return ["## Verdict", "", *verdict_lines(evidence.verdicts, evidence.study), *(f"{line}\n" for line in late)]


def _figures(evidence: Evidence) -> list[str]:
    drawn = [file for file in evidence.figures if file.suffix == ".png"]
    lines: list[str] = []
    for file in drawn:
        path = file.relative_to(evidence.sweep.directory.path).as_posix()
        lines += [f"![{file.stem}]({path})", "", f"*{caption_of(file.stem)}*", ""]
    return ["## Figures", "", *lines] if drawn else []


def _files(evidence: Evidence) -> list[str]:
    directory = evidence.sweep.directory
    about = {
        directory.statement: "what the sweep stated before its first trial",
        directory.ledger: "every event of the sweep, in order",
        directory.trials: "one row per trial; `pandas.read_parquet` reads it, units are in the field metadata",
        directory.metrics: "one row per trial and logged step",
    }
    lines = [f"- `{file.name}`: {text}" for file, text in about.items() if file.exists()]
    drawn = sorted({file.stem for file in evidence.figures})
    lines += [f"- `figures/`: {', '.join(drawn)}, each as PNG (300 dpi) and PDF"] if drawn else []
    tabled = sorted({file.stem for file in directory.tables.glob("*.csv")})
    lines += [f"- `tables/`: {', '.join(tabled)}, each as CSV (every bit), Markdown and LaTeX (booktabs)"] if tabled else []
    runs = f"- `{evidence.sweep.statement.runs_dir}/<run_id>/`: configuration, summary, log, metrics, plots, checkpoints of each trial"
    return ["## Files", "", *lines, runs, ""]


# The order of the page: a new section is a file and a line here.
SECTIONS: list[Section] = [
    _verdict,
    overview.section,
    lambda evidence: cells.section(evidence.study, evidence.cells),
    findings.section,
    _figures,
    lambda evidence: exploration.section(evidence.study, evidence.sweep.state),
    lambda evidence: pareto.section(evidence.study),
    runs_table.section,
    memory.section,
    checkpoint_section.section,
    storage.section,
    issues.section,
    next_steps.section,
    _files,
    appendix.section,
]
