"""What the protocol's lists ask of a sweep as a whole: written down first, finished, compared, reported."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from analysis.checklists.item import Finding, Item, fails, lacking, needs, not_here
from analysis.checklists.run_facts import sections_of
from analysis.report.evidence import Evidence
from analysis.report.log_file import log_path
from analysis.verdict import Outcome
from trainable.spec.status import Status

_SECTIONS = ("Verdict", "Overview", "Results", "Checkpoint verification", "Issues and notes", "Appendix: useful commands")
_OPEN = (Status.RUNNING, Status.PAUSED, Status.INTERRUPTED, Status.FAILED)


@dataclass(frozen=True)
class SweepFacts:
    """`files` are all files of the sweep that are not empty, `page` is RESULTS.md, `log` the experiment log."""

    evidence: Evidence
    files: frozenset[str]
    page: str
    log: str


def read_sweep(evidence: Evidence) -> SweepFacts:
    directory = evidence.sweep.directory
    files = {file.relative_to(directory.path).as_posix() for file in directory.path.rglob("*") if file.is_file() and file.stat().st_size}
    return SweepFacts(evidence, frozenset(files), _text(directory.results), _text(log_path(directory)))


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""


def _written_first(facts: SweepFacts) -> Finding:
    statement = facts.evidence.sweep.statement
    starts = [row["started"] for row in facts.evidence.study.rows if isinstance(row["started"], datetime)]
    if not statement.hypothesis or not statement.created:
        return fails("sweep.json has no hypothesis or no date")
    first = min(starts, default=None)
    return needs(first is None or datetime.fromisoformat(statement.created) <= first, f"written down {statement.created}, after {first}")


def _unchanged(facts: SweepFacts) -> Finding:
    changed = facts.evidence.sweep.statement.amendments
    return needs(not changed, f"{len(changed)} changes after the start; RESULTS.md shows what was stated before")


def _finished(facts: SweepFacts) -> Finding:
    still = [row["trial"] for row in facts.evidence.study.rows if row["status"] in _OPEN]
    pending = [f"{facts.evidence.title(cell.cell)}: seed {seed}" for cell in facts.evidence.cells for seed in cell.seeds.pending]
    if not facts.evidence.cells:
        return fails("nothing has been confirmed")
    return lacking([*still, *pending], "not at their end, or failed")


def _baseline(facts: SweepFacts) -> Finding:
    baseline = facts.evidence.baseline
    seeds = facts.evidence.sweep.statement.seeds
    return needs(baseline is not None and baseline.n >= min(2, len(seeds)), "the baseline has no confirmed seeds to compare with")


def _decided(facts: SweepFacts) -> Finding:
    if not facts.evidence.verdicts:
        return not_here("the sweep made no claim")
    return lacking([verdict.claim for verdict in facts.evidence.verdicts if verdict.outcome == Outcome.UNDECIDED], "undecided")


def _witnesses(facts: SweepFacts) -> Finding:
    noted = [f"{row['trial']}: {row['note']}" for row in facts.evidence.study.rows if row["note"]]
    noted += [f"{trial}: {sentence}" for trial, sentence in facts.evidence.altered_curves.items()]
    return lacking([*facts.evidence.sweep.notes, *noted], "ledger and run directories")


def _reported(facts: SweepFacts) -> Finding:
    sections = sections_of(facts.page)
    return lacking((name for name in _SECTIONS if not sections.get(name)), "RESULTS.md lacks")


def _figures(facts: SweepFacts) -> Finding:
    drawn = {name.rpartition(".")[0] for name in facts.files if name.startswith("figures/")}
    if not drawn:
        return fails("figures/ is empty")
    return lacking(
        (f"{name}.{kind}" for name in sorted(drawn) for kind in ("png", "pdf") if f"{name}.{kind}" not in facts.files), "missing"
    )


def _tables(facts: SweepFacts) -> Finding:
    wanted = ("trials.parquet", "metrics.parquet")
    absent = [name for name in wanted if name not in facts.files]
    return lacking([*absent, *([] if any(name.startswith("tables/") for name in facts.files) else ["tables/"])], "missing")


def _logged(facts: SweepFacts) -> Finding:
    name = facts.evidence.sweep.directory.path.name
    return needs(f"<!-- entry {name} " in facts.log, "EXPERIMENT_LOG.md has no entry")


SWEEP_ITEMS: list[Item[SweepFacts]] = [
    Item("9.1-preregistered", "Hypothesis written down before the first trial", _written_first),
    Item("9.1-unchanged", "Hypothesis, claims and seeds unchanged since", _unchanged, required=False),
    Item("9.2-witnesses", "Ledger and run directories tell the same, and nothing is damaged", _witnesses),
    Item("9.3-complete", "Every trial has ended, and none failed", _finished),
    Item("9.3-report", "Summary of the sweep generated (RESULTS.md)", _reported),
    Item("9.3-decided", "Every claim confirmed or rejected", _decided, required=False),
    Item("9.3-log", "Entry in the experiment log", _logged),
    Item("12.2-compared", "Baseline confirmed on fresh seeds", _baseline),
    Item("12.2-figures", "Figures saved as PNG and PDF", _figures),
    Item("12.2-tables", "Tables saved (Parquet, CSV, Markdown, LaTeX)", _tables),
]
